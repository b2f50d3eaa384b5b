/**
 * rtpengine does not tell its version over ng: `ping`, `query` and `statistics` leave it out, and there is no
 * `version` command. So it is configuration, and without it the engine counts as an old one.
 */

/** Below this version a subscription can starve the subscribed stream: the agent then hears nothing at all. */
const SUBSCRIPTION_SAFE_FROM = { major: 11, minor: 5 };

/**
 * Whether a subscription may serve as the sentinel on this engine. `version` is what the operator configured, e.g.
 * `11.5.1.9` or `mr12.5`, as `rtpengine --version` prints it.
 */
export function subscriptionSentinelAllowed(version: string | undefined): {
  readonly allowed: boolean;
  readonly reason: string;
} {
  const wanted = `${SUBSCRIPTION_SAFE_FROM.major}.${SUBSCRIPTION_SAFE_FROM.minor}`;
  if (version === undefined) return { allowed: false, reason: `engine version unknown, ${wanted} needed` };
  const match = /^(?:mr|version:?\s*)?(?<major>\d{1,3})\.(?<minor>\d{1,3})(?:\D|$)/i.exec(version.trim());
  if (match === null) return { allowed: false, reason: `engine version not understood, ${wanted} needed` };
  const major = Number(match.groups?.['major']);
  const minor = Number(match.groups?.['minor']);
  const allowed =
    major > SUBSCRIPTION_SAFE_FROM.major ||
    (major === SUBSCRIPTION_SAFE_FROM.major && minor >= SUBSCRIPTION_SAFE_FROM.minor);
  return { allowed, reason: `engine version ${major}.${minor}, ${wanted} needed` };
}
