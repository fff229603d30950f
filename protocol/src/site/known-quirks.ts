/**
 * Stations that are known for a quirk: by vendor, model and firmware, as their boots tell them. An entry needs a public report that
 * names the station; what nobody has reported an operator may say of a model or a station (docs/quirks.md).
 */
import type { FirmwareRange } from './firmware-version.ts'
import type { Quirk } from './quirks.ts'

export interface KnownQuirks {
  /** As in the boot, but for the case of letters; `*` stands for any text. */
  vendor: string
  /** The same; absent: all of the vendor. */
  model?: string
  /** Absent: whatever its firmware, also where the boot tells none. */
  firmware?: FirmwareRange
  quirks: readonly Quirk[]
  /** The report. */
  reference: string
}

export const KNOWN_QUIRKS: readonly KnownQuirks[] = [
  // IOCAW12-22TE-CRW4, firmware 25101501, 2.0.1: 910 kWh billed for 0.083 after a boot with the cable plugged. No firmware is known to
  // have it mended. A truly new meter is held once, at its first session.
  {
    vendor: 'Iocharger',
    model: 'IOCAW12*',
    quirks: ['zero-start-placeholder'],
    reference: 'https://github.com/citrineos/citrineos-core/issues/1060',
  },
  // Timestamps without a zone, in local time. How its boots name it stands in lbbrhzn/ocpp#1709 (Growatt, THOR_11AS).
  {
    vendor: 'Growatt',
    model: 'THOR*',
    quirks: ['local-times'],
    reference: 'https://github.com/evcc-io/evcc/issues/10399',
  },
  // CPB1-S-2-4 with 6.6.20, CMX2-0-2-4 with 6.7.17, and in #1510 PLP2-M-2-4 with 6.6.12: it boots over and over. Nobody reports it of
  // earlier firmware, and none is known to have it mended.
  {
    vendor: 'Wall Box Chargers',
    firmware: { from: '6.6.12' },
    quirks: ['no-call-before-boot'],
    reference: 'https://github.com/lbbrhzn/ocpp/issues/1503',
  },
  // Its ChargingScheduleAllowedChargingRateUnit is "power". How its boots name it (an empty vendor) stands in evcc-io/evcc#32170. Models
  // for one phase and for three say the same there, so it is counted as one.
  {
    vendor: '',
    model: 'ACChargePoint',
    quirks: ['watts-only'],
    reference: 'https://github.com/lbbrhzn/ocpp/issues/1635',
  },
]
