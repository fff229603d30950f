/**
 * Firmware versions as vendors write them: `1.8.21`, `V5.2.4-20230307`, `V100R023C10SPC220`, `25101501`. A text is read as runs of
 * digits (numbers of any length) and what stands between them. Two versions are compared from the left:
 *
 * - a leading `v` and the case of letters say nothing;
 * - the first numbers that differ decide;
 * - where one ends first, `.0` more is the same version and any other `.number` more is a newer one; whatever else follows is a mark
 *   of the build and says nothing;
 * - where the text between them differs otherwise, nobody can say which is the newer: they are not comparable.
 */

/** Which versions an entry is about. Without any field: all of them. */
export interface FirmwareRange {
  /** Whole texts; one that ends with `*` is the beginning of a text. For versions that cannot be compared. */
  is?: readonly string[]
  /** Only what follows this mark is the version: some write a serial number before it (`TAC3Z91::V1.8.21`). */
  after?: string
  /** The first version, itself included. */
  from?: string
  /** The first that is none any more: where it was mended. */
  before?: string
}

/** Longest text that is read as a version; none is told by OCPP that is longer than 50. */
const MAX_VERSION_CHARS = 100

/** Negative: `a` is the older one. Undefined: they cannot be compared. */
export function compareFirmware(a: string, b: string): number | undefined {
  const [left, right] = [partsOf(a), partsOf(b)]
  if (!left || !right) return undefined
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    // Text and numbers alternate, text first.
    if (i % 2 === 1) {
      const order = compareNumbers(left[i]!, right[i]!)
      if (order !== 0) return order
    } else if (left[i] !== right[i]) {
      const goesOn = i > 0 && (isNumberNext(left, i) || isNumberNext(right, i))
      return goesOn ? tail(left, i) - tail(right, i) : undefined
    }
  }
  const shorter = Math.min(left.length, right.length)
  return tail(left, shorter) - tail(right, shorter)
}

/** Whether a version, as a boot told it, lies in a range. One that was not told lies in none. */
export function isInRange(firmware: string | null | undefined, range: FirmwareRange): boolean {
  const { is, after, from, before } = range
  const text = firmware?.trim().toLowerCase() ?? ''
  if (text === '') return false
  if (is && !is.some((it) => isText(it.toLowerCase(), text))) return false
  if (from === undefined && before === undefined) return true
  const version = after === undefined ? text : afterMark(text, after.toLowerCase())
  if (version === undefined) return false
  const [fromOrder, beforeOrder] = [from, before].map((it) =>
    it === undefined ? undefined : compareFirmware(version, it),
  )
  if (from !== undefined && (fromOrder === undefined || fromOrder < 0)) return false
  return before === undefined || (beforeOrder !== undefined && beforeOrder < 0)
}

function isText(wanted: string, text: string): boolean {
  return wanted.endsWith('*') ? text.startsWith(wanted.slice(0, -1)) : text === wanted
}

function afterMark(text: string, mark: string): string | undefined {
  const at = text.lastIndexOf(mark)
  return at < 0 ? undefined : text.slice(at + mark.length)
}

/** Text, number, text, number...; undefined for a text without a number. */
function partsOf(version: string): string[] | undefined {
  const text = version.trim().toLowerCase()
  if (text.length > MAX_VERSION_CHARS || !/\d/.test(text)) return undefined
  const parts = text.split(/(\d+)/)
  if (parts[0] === 'v') parts[0] = ''
  if (parts.at(-1) === '') parts.pop()
  return parts
}

function compareNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((it) => it.replace(/^0+(?=\d)/, '')) as [string, string]
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0)
}

/** `.number` follows. */
function isNumberNext(parts: readonly string[], at: number): boolean {
  return parts[at] === '.' && parts[at + 1] !== undefined
}

/** 1 where what follows makes it newer than one that ends here. */
function tail(parts: readonly string[], from: number): number {
  for (let i = from; isNumberNext(parts, i); i += 2) if (compareNumbers(parts[i + 1]!, '0') > 0) return 1
  return 0
}
