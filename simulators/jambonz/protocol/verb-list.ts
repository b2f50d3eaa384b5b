import { isObject } from './json.ts';
import type { Verb } from './session.ts';
import { isOfKind, verbShapes } from './verb-properties.ts';

/** Reads a list of verbs. One invalid verb makes the list invalid: throws an Error that says what is wrong. */
export function parseVerbs(list: unknown): Verb[] {
  if (!Array.isArray(list)) throw new Error('malformed jambonz application payload');
  return list.map((item: unknown) => {
    if (!isObject(item) || typeof item['verb'] !== 'string') throw new Error('malformed verb');
    return checked({ ...item, verb: item['verb'] });
  });
}

function checked(verb: Verb): Verb {
  const shape = verbShapes[verb.verb];
  if (shape === undefined) throw new Error(`unknown verb ${verb.verb}`);
  for (const [name, value] of Object.entries(verb)) {
    if (name === 'verb' || name === 'id') continue;
    const kind = shape.properties[name];
    if (kind === undefined) throw new Error(`${verb.verb}: unknown property ${name}`);
    if (!isOfKind(value, kind)) throw new Error(`${verb.verb}: property ${name} has the wrong type`);
  }
  for (const name of shape.required) {
    if (verb[name] === undefined) throw new Error(`${verb.verb}: missing property ${name}`);
  }
  return verb;
}
