/** The addresses of the recorded calls, all of them loopback. */
export const CALLER_ADDRESS = '127.0.1.10';
export const AGENT_ADDRESS = '127.0.1.11';
export const SBC_EXTERNAL_ADDRESS = '127.0.1.20';
export const SBC_INTERNAL_ADDRESS = '127.0.2.20';
export const FREESWITCH_ADDRESS = '127.0.2.40';
