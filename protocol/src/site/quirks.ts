/**
 * Stations that are known to say what is not so: by vendor and model, as their boot tells. The one table; whoever acts on it asks
 * for a named behaviour, never for a vendor. An entry needs a report that names the station, and a transcript that goes wrong
 * without it (protocol/transcripts/<vendor>/).
 */

/** What a station may do, and what is done about it. */
export const QUIRKS = {
  'zero-start-placeholder':
    'Tells 0 as the register at the start where it could not read its meter: every session that starts at 0 is held for review.',
} as const
export type Quirk = keyof typeof QUIRKS

interface Known {
  /** As in the boot, but for the case of letters. */
  vendor: string
  /** Beginning of the model's name; absent: all of the vendor. */
  model?: string
  quirks: readonly Quirk[]
}

const KNOWN: readonly Known[] = [
  // citrineos-core#1060: IOCAW12-22TE-CRW4, firmware 25101501, 2.0.1: 910 kWh billed for 0.083 after a boot with the cable plugged.
  // No firmware is known to have it mended. A truly new meter is held once, at its first session.
  { vendor: 'Iocharger', model: 'IOCAW12', quirks: ['zero-start-placeholder'] },
]

/** What is known of a station; nothing where it has not booted. */
export function quirksOf(vendor: string | null | undefined, model: string | null | undefined): Quirk[] {
  const says = (word: string | null | undefined): string => word?.trim().toLowerCase() ?? ''
  return KNOWN.filter(
    (it) => it.vendor.toLowerCase() === says(vendor) && says(model).startsWith(it.model?.toLowerCase() ?? ''),
  ).flatMap((it) => it.quirks)
}
