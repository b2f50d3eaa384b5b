import type { DeclineReason } from './contract.ts';

/**
 * What is said where more would tip off whoever holds a card that is not theirs: the schemes ask merchants not to let
 * a caller know that a card is reported lost or stolen, or that fraud is suspected.
 */
const NOT_APPROVED =
  'The bank did not approve this payment. You can try another card, or ask the bank that issued this one.';

const AGENT_MESSAGES: Readonly<Record<DeclineReason, string>> = {
  generic_decline: NOT_APPROVED,
  lost_or_stolen: NOT_APPROVED,
  suspected_fraud: NOT_APPROVED,
  insufficient_funds: 'There is not enough money on this card for the payment. You can try another card.',
  limit_exceeded:
    'The payment is above a limit of this card. You can try another card, or ask the bank that issued this one.',
  expired_card: 'This card has expired, or its expiry date was keyed wrong. Please check the date.',
  incorrect_number: 'The bank does not know this card number. Please key the number again.',
  incorrect_security_code: 'The security code does not fit this card. Please key it again.',
  incorrect_pin: 'The PIN is not right. Please key it again.',
  card_not_supported: 'This kind of card cannot be used for the payment. You can try another card.',
  currency_not_supported: 'This card cannot pay in this currency. You can try another card.',
  call_issuer:
    'The bank asks you to call it about this payment. Its number is on the back of your card. You can try another card, too.',
  authentication_required:
    'The bank wants you to confirm this payment yourself, which cannot be done on the telephone. You can try another card.',
  not_modifiable: 'This payment cannot be changed any more.',
  processing_error: 'The payment could not be processed at the moment. No money was taken. Please try again.',
};

/** What an agent may say to the caller about a decline: a sentence or two, without anything of the card. */
export function agentMessage(reason: DeclineReason): string {
  return AGENT_MESSAGES[reason];
}
