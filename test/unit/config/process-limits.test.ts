import { describe, expect, it } from 'vitest';
import { parseProcessLimits, readProcessLimits } from '../../../src/config/process-limits.ts';

/** As proc(5) has them. */
const limits = (
  coreFile: string,
  locked: string,
): string => `Limit                     Soft Limit           Hard Limit           Units     
Max stack size            8388608              unlimited            bytes     
Max core file size        ${coreFile}            bytes     
Max locked memory         ${locked}              bytes     
Max address space         unlimited            unlimited            bytes     
`;
const status = (capabilities: string): string =>
  `Name:\tnode\nVmLck:\t       0 kB\nCapPrm:\tffff\nCapEff:\t${capabilities}\n`;

describe('parseProcessLimits', () => {
  it('reads soft and hard limits', () => {
    expect(
      parseProcessLimits(
        limits('0                    unlimited', '8388608   8388608'),
        status('0000000000000000'),
      ),
    ).toEqual({
      coreFile: { soft: 0, hard: Infinity },
      lockedMemory: 8_388_608,
    });
    expect(
      parseProcessLimits(limits('unlimited  4096', 'unlimited unlimited'), status('0000000000000000')),
    ).toEqual({
      coreFile: { soft: Infinity, hard: 4096 },
      lockedMemory: Infinity,
    });
  });

  it.each([
    { capabilities: '0000000000004000', lockedMemory: Infinity },
    { capabilities: '000001ffffffffff', lockedMemory: Infinity },
    { capabilities: '00000000a80425fb', lockedMemory: 65_536 }, // what Docker gives to root
    { capabilities: '000001ffffffbfff', lockedMemory: 65_536 },
  ])(
    'with the capabilities $capabilities $lockedMemory bytes may be locked',
    ({ capabilities, lockedMemory }) => {
      expect(parseProcessLimits(limits('0 0', '65536 65536'), status(capabilities)).lockedMemory).toBe(
        lockedMemory,
      );
    },
  );

  it('takes what is not told for no limit', () => {
    expect(parseProcessLimits('', '')).toEqual({
      coreFile: { soft: Infinity, hard: Infinity },
      lockedMemory: Infinity,
    });
  });

  it('reads those of this process', () => {
    const read = readProcessLimits();
    expect(read?.coreFile.soft).toBeGreaterThanOrEqual(0);
    expect(read?.lockedMemory).toBeGreaterThan(0);
  });
});
