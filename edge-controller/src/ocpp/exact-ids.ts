/** Ids that a station draws: the schemas of OCPP set no end to whole numbers, facts and tables do. */
import { OcppFault } from './fault.ts'

/** Throws PropertyConstraintViolation, naming the field, for one that is no whole number of 31 bits and a sign. */
export function exactIds(ids: Readonly<Record<string, number>>): void {
  const beyond = Object.keys(ids).find((name) => ids[name] !== (ids[name]! | 0))
  if (beyond !== undefined)
    throw new OcppFault('PropertyConstraintViolation', `/${beyond} must be a whole number of 31 bits`)
}
