import { execute } from './database.ts';

/** One statement a row, in an order that does not depend on when an object was made. */
const STATEMENTS = `
with tables as (
  select c.oid, c.relname as name, c.relrowsecurity, c.relforcerowsecurity
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'hushtone_migrations'
), statements(section, name, item, text) as (
  select 1, proname, '', pg_get_functiondef(oid) || ';'
  from pg_proc where pronamespace = 'public'::regnamespace
  union all
  select 2, t.name, '', format(E'create table %I (\\n%s\\n);', t.name, (
    select string_agg(
      format('  %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
      || case when a.attnotnull then ' not null' else '' end
      || case a.attgenerated
           when 's' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
           else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
         end,
      E',\\n' order by a.attnum)
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  ))
  from tables t
  union all
  select 3, t.name, c.contype::text || c.conname::text,
    format('alter table %I add constraint %I %s;', t.name, c.conname, pg_get_constraintdef(c.oid))
  from tables t join pg_constraint c on c.conrelid = t.oid and c.contype <> 'n'
  union all
  select 4, t.name, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) || ';'
  from tables t join pg_index i on i.indrelid = t.oid
  where not exists (select from pg_constraint c where c.conindid = i.indexrelid)
  union all
  select 5, t.name, g.tgname, pg_get_triggerdef(g.oid) || ';'
  from tables t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
  union all
  select 6, t.name, '', format('alter table %I enable row level security;', t.name)
  from tables t where t.relrowsecurity
  union all
  select 6, t.name, '', format('alter table %I force row level security;', t.name)
  from tables t where t.relforcerowsecurity
  union all
  select 7, p.tablename, p.policyname, format(E'create policy %I on %I as %s for %s to %s\\n  using (%s)\\n  with check (%s);',
    p.policyname, p.tablename, lower(p.permissive), lower(p.cmd), array_to_string(p.roles, ', '), p.qual, p.with_check)
  from pg_policies p where p.schemaname = 'public'
  union all
  select 8, t.name, a.grantee::regrole::text, format('grant %s on %I to %s;',
    string_agg(lower(a.privilege_type), ', ' order by a.privilege_type), t.name, a.grantee::regrole)
  from tables t join pg_class c on c.oid = t.oid, aclexplode(c.relacl) a
  where a.grantee <> c.relowner
  group by t.name, a.grantee
)
select text from statements order by section, name collate "C", item collate "C", text collate "C"`;

/** The schema as SQL, read from the catalogs: the same text for the same schema, whatever made it. */
export async function dumpSchema(url: string): Promise<string> {
  const rows = await execute<{ text: string }>(url, STATEMENTS);
  const header =
    '-- What the migrations add up to. Made from a migrated database; a test holds it to that.\n';
  return `${header}\n${rows.map(({ text }) => text.trim()).join('\n\n')}\n`;
}
