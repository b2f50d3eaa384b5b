/** A JSON object of unknown content, as the application sends it. */
export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** A hook is a URL or path, or an object that holds one as `url`. */
export function hookUrl(value: unknown): string | undefined {
  return typeof value === 'string' ? value : isObject(value) ? textOf(value['url']) : undefined;
}

/** jambonz's own spelling towards the application: `callSid` becomes `call_sid`. Free-form data keeps its keys. */
export function snakeCase(fields: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(fields)) {
    result[key === 'customerData' ? key : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] =
      value;
  }
  return result;
}
