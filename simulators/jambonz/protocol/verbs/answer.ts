import type { Session } from '../session.ts';

export async function answer(session: Session): Promise<void> {
  await session.answer();
}
