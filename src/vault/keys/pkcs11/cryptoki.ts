import { HushtoneError } from '../../../kernel/errors.ts';

export interface Attribute {
  readonly type: number;
  readonly value?: Buffer | boolean | number | string;
}

type Handle = Buffer;

/** What is used of the package `pkcs11js`: the functions of PKCS#11 2.40 under their own names. They throw. */
export interface Cryptoki {
  load(path: string): void;
  close(): void;
  C_Initialize(options?: { flags?: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): { readonly label: string };
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, maximum: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): { readonly value: Buffer }[];
  C_GenerateKey(
    session: Handle,
    mechanism: { readonly mechanism: number },
    template: readonly Attribute[],
  ): Handle;
  C_CreateObject(session: Handle, template: readonly Attribute[]): Handle;
  C_DestroyObject(session: Handle, object: Handle): void;
  C_WrapKey(
    session: Handle,
    mechanism: { readonly mechanism: number },
    wrappingKey: Handle,
    key: Handle,
    output: Buffer,
  ): Buffer;
  C_UnwrapKey(
    session: Handle,
    mechanism: { readonly mechanism: number },
    unwrappingKey: Handle,
    wrapped: Buffer,
    template: readonly Attribute[],
  ): Handle;
  C_SignInit(session: Handle, mechanism: { readonly mechanism: number }, key: Handle): void;
  C_Sign(session: Handle, data: Buffer, output: Buffer): Buffer;
}

/** Names and values of PKCS#11 2.40, as far as they are used. */
export const CKA = {
  CLASS: 0x000,
  TOKEN: 0x001,
  PRIVATE: 0x002,
  LABEL: 0x003,
  VALUE: 0x011,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  VERIFY: 0x10a,
  DERIVE: 0x10c,
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  MODIFIABLE: 0x170,
} as const;
export const CKO_SECRET_KEY = 4;
export const CKK = { GENERIC_SECRET: 0x10, AES: 0x1f } as const;
export const CKM = {
  SHA256_HMAC: 0x251,
  GENERIC_SECRET_KEY_GEN: 0x350,
  AES_KEY_GEN: 0x1080,
  AES_KEY_WRAP: 0x2109,
} as const;
export const CKF = { RW_SESSION: 0x2, SERIAL_SESSION: 0x4, OS_LOCKING_OK: 0x2 } as const;
export const CKU_USER = 1;

/** The name of the return value, `CKR_…`, where the error is one of the token's. */
export function returnValueOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return /^CKR_\w+/.exec(error.message)?.[0];
}

/** A name and not a literal: the package is optional, and the types of this project must not depend on it. */
const PACKAGE = 'pkcs11js';

/** The library of the token's maker, loaded. Rejects with `pkcs11_not_installed` or `pkcs11_module_unusable`. */
export async function loadCryptoki(module: string): Promise<Cryptoki> {
  const found = (await import(PACKAGE).catch((cause: unknown) => {
    throw new HushtoneError(
      'pkcs11_not_installed',
      'unavailable',
      'the package pkcs11js is missing or was not built: install a C++ compiler and python3, then npm rebuild pkcs11js',
      { cause },
    );
  })) as { readonly PKCS11?: new () => Cryptoki; readonly default?: { readonly PKCS11: new () => Cryptoki } };
  const Constructor = found.PKCS11 ?? found.default?.PKCS11;
  if (Constructor === undefined) {
    throw new HushtoneError(
      'pkcs11_not_installed',
      'unavailable',
      'the package pkcs11js is not the one we know',
    );
  }
  const cryptoki = new Constructor();
  try {
    cryptoki.load(module);
    return cryptoki;
  } catch (cause) {
    throw new HushtoneError(
      'pkcs11_module_unusable',
      'unavailable',
      `the PKCS#11 module ${module} cannot be loaded`,
      {
        cause,
      },
    );
  }
}
