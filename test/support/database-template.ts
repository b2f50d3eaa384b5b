import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { execute, makeDataDir, TEMPLATE, urlOf } from './postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A data directory with a migrated cluster in it, which no server runs on. */
    readonly postgresTemplate: string;
  }
}

/** Once for all files of a project: each copies the cluster, which is quicker than to make and migrate one. */
export default async function makeTemplate(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await makeDataDir();
  const postgres = await startEmbeddedPostgres({ dataDir });
  await execute(postgres.url, `create database ${TEMPLATE}`);
  await migrate(urlOf(postgres, TEMPLATE));
  await postgres.stop();
  project.provide('postgresTemplate', dataDir);
  return async () => await rm(dataDir, { recursive: true, force: true });
}
