/** Quirks in the public API: which there are, which touch a station, and what an operator says of them. */
import { z } from 'zod'
import { QUIRK_NAMES, QUIRK_SOURCES } from '../site/quirks.ts'

/** true: it has the quirk; false: it has it not, whatever is known of its model. What is left out is as it is known. */
export const assignedQuirks = z.partialRecord(z.enum(QUIRK_NAMES), z.boolean())
export type AssignedQuirks = z.infer<typeof assignedQuirks>

const quirk = {
  name: z.string(),
  /** What the station does, and what is done about it. */
  description: z.string(),
}
/** One that touches a station. */
export const stationQuirk = z.object({
  ...quirk,
  /** Who says so: reports of such stations, an operator of all of its model, or of this station. */
  source: z.enum(QUIRK_SOURCES).default('known'),
  /** The report, where it is known of such stations. */
  reference: z.string().nullable().default(null),
})
/** One that there is. */
export const quirkResource = z
  .object({
    ...quirk,
    /** Stations that are known for it, as their boots tell them; `*` stands for any text. */
    known: z.array(
      z.object({
        vendor: z.string(),
        /** Null: all of the vendor. */
        model: z.string().nullable(),
        /** Null: whatever the firmware. */
        firmware: z
          .object({
            /** Whole texts, or their beginnings (`*` at the end). */
            is: z.array(z.string()).nullable(),
            /** Only what follows this mark is the version. */
            after: z.string().nullable(),
            /** The first version that has it. */
            from: z.string().nullable(),
            /** The first that has it no more. */
            before: z.string().nullable(),
          })
          .nullable(),
        reference: z.string(),
      }),
    ),
  })
  .meta({ id: 'Quirk' })
export type QuirkResource = z.infer<typeof quirkResource>
