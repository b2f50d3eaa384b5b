import type { AuditEntry, AuditValue } from '../../audit/entry.ts';
import { joinConfiguration, type SecretFace } from './configuration.ts';
import type { ProviderResource, RoutingRuleResource } from './contract.ts';
import type { ProviderRecord, StoredSecret } from './provider-store.ts';
import type { RoutingRule } from './routing.ts';

/** Longer values (certificates, templates) are told by their beginning. */
const LONGEST_AUDITED = 80;

const faceOf = ({ hint }: StoredSecret): SecretFace => ({ set: true, ...(hint !== null && { hint }) });

export function providerResource(record: ProviderRecord): ProviderResource {
  return {
    id: record.id,
    kind: record.kind,
    name: record.name,
    mode: record.mode,
    state: record.state,
    configuration: joinConfiguration(
      record.configuration,
      new Map(record.secrets.map((secret) => [secret.pointer, faceOf(secret)])),
    ),
    created_at: record.createdAt.toISOString(),
    updated_at: record.updatedAt.toISOString(),
  };
}

/** A provider's names may well be long runs of digits, which no record takes. */
function auditedText(text: string): string {
  const masked = text.replaceAll(/\d{8,}/g, (run) => `•••${run.slice(-4)}`);
  return masked.length > LONGEST_AUDITED ? `${masked.slice(0, LONGEST_AUDITED)}…` : masked;
}

function audited(value: unknown): AuditValue {
  if (typeof value === 'string') return auditedText(value);
  if (typeof value === 'number' && Math.abs(value) >= 1e8) return auditedText(String(value));
  if (Array.isArray(value)) return value.map(audited);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [auditedText(name), audited(member)]),
    );
  }
  return (value ?? null) as AuditValue;
}

/** For the record. Of secrets only where there is one, and how often it was replaced. */
export function auditedProvider(record: ProviderRecord): NonNullable<AuditEntry['after']> {
  return {
    kind: record.kind,
    name: record.name,
    mode: record.mode,
    state: record.state,
    version: record.version,
    configuration: audited(record.configuration),
    sealed: record.secrets.map(({ pointer, version }) => `${auditedText(pointer)} v${version}`),
  };
}

export function ruleResource(rule: RoutingRule): RoutingRuleResource {
  return {
    id: rule.id,
    mode: rule.mode,
    ...(rule.currencies.length > 0 && { currencies: rule.currencies }),
    ...(rule.brands.length > 0 && { brands: rule.brands }),
    ...(rule.purposes.length > 0 && { purposes: rule.purposes }),
    ...(rule.amountFrom !== null && { amount_from: rule.amountFrom }),
    ...(rule.amountTo !== null && { amount_to: rule.amountTo }),
    providers: rule.providers,
  };
}
