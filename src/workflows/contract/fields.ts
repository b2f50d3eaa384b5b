export type FieldName = 'card_number' | 'expiry' | 'security_code' | 'postal_code' | 'pin';

export interface FieldRequest {
  readonly field: FieldName;
  readonly required?: boolean;
  readonly max_attempts?: number;
  readonly min_length?: number;
  readonly max_length?: number;
}
