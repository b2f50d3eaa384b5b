/** The part of the simulators that the demo needs; they are loaded at run time and are no part of the gateway. */
interface DemoEntry {
  runDemo(args: readonly string[]): Promise<number>;
}

/** `hushtone demo`: see `simulators/demo`. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const entry = new URL('../../simulators/demo/demo.js', import.meta.url).href;
  const demo = (await import(entry)) as DemoEntry;
  return await demo.runDemo(args);
}
