/* oxlint-disable typescript/no-unsafe-call -- plain JavaScript, as it is what runs TypeScript */
// `node --import …/run-typescript.mjs file.ts` runs TypeScript sources as they are, without a build. For processes that
// tests start: what they run is then what stands in the sources at that moment.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
