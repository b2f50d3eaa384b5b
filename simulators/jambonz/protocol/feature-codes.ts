import type { MediaLeg } from '../media/contract.ts';

/** Watches a leg for feature codes like `*55`. Returns the undo. */
export function captureCodes(leg: MediaLeg, codes: unknown, onCode: (code: string) => void): () => void {
  const wanted = Array.isArray(codes)
    ? codes.filter((code): code is string => typeof code === 'string' && code !== '')
    : [];
  if (wanted.length === 0) return () => undefined;
  const longest = Math.max(...wanted.map((code) => code.length));
  let keyed = '';
  const fork = leg.fork({
    mixType: 'mono',
    onAudio: () => undefined,
    onKey: ({ dtmf }) => {
      keyed = (keyed + dtmf).slice(-longest);
      const code = wanted.find((candidate) => keyed.endsWith(candidate));
      if (code === undefined) return;
      keyed = '';
      onCode(code);
    },
  });
  return () => fork.close();
}
