import type { Template } from '../template.ts';
import { BASIS_THEORY } from './basis-theory.ts';
import { CHECKOUT } from './checkout.ts';
import { SPREEDLY } from './spreedly.ts';

/** The templates that come with the gateway, by the name that a configuration uses. */
export const SHIPPED_TEMPLATES: Readonly<Record<string, Template>> = {
  'basis-theory': BASIS_THEORY,
  checkout: CHECKOUT,
  spreedly: SPREEDLY,
};
