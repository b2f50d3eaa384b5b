import type { Session } from '../session.ts';
import { callStatus } from './call-status.ts';
import { config } from './config.ts';
import { dial } from './dial.ts';
import { listenStatus } from './listen-status.ts';
import { mediaPath } from './media-path.ts';
import { muteStatus } from './mute-status.ts';
import { participantAction } from './participant-action.ts';
import { record } from './record.ts';
import { redirect } from './redirect.ts';

type RunCommand = (session: Session, data: unknown, queue: boolean) => string | undefined;

const commands: Readonly<Record<string, RunCommand>> = {
  'call:status': callStatus,
  'conf:participant-action': participantAction,
  config,
  dial,
  'listen:status': listenStatus,
  'media:path': mediaPath,
  'mute:status': muteStatus,
  record,
  redirect,
};

/** Obeys a command. There is never a reply; what jambonz would refuse comes back as the reason. */
export function runCommand(
  session: Session,
  command: string,
  data: unknown,
  queue: boolean,
): string | undefined {
  const run = commands[command];
  if (run === undefined) return `command ${command} is unknown or not simulated`;
  try {
    return run(session, data, queue);
  } catch (error) {
    return error instanceof Error ? error.message : 'invalid command';
  }
}
