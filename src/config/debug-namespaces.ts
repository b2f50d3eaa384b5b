/** What the jambonz package logs under: whole frames, digits included. */
const JAMBONZ_NAMESPACES = ['jambonz', 'jambonz:node-client-ws'];

/** `*` stands for any characters, as in the `debug` package. */
function matches(namespace: string, template: string): boolean {
  const escaped = template.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${escaped.join('.*')}$`).test(namespace);
}

/**
 * Does this value of `DEBUG` switch on jambonz's own debug output? The rules are those of the `debug` package:
 * names are separated by spaces or commas, a leading `-` takes a name out again whatever the order. A name below
 * `jambonz` that is not known here counts as one of theirs.
 */
export function enablesJambonzDebug(debug: string): boolean {
  const templates = debug.split(/[\s,]+/).filter((template) => template !== '');
  const skipped = templates
    .filter((template) => template.startsWith('-'))
    .map((template) => template.slice(1));
  const wanted = templates.filter((template) => !template.startsWith('-'));
  const unknown = wanted.filter((template) => template.startsWith('jambonz'));
  return [...JAMBONZ_NAMESPACES, ...unknown].some(
    (namespace) =>
      wanted.some((template) => matches(namespace, template)) &&
      !skipped.some((template) => matches(namespace, template)),
  );
}
