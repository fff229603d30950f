/** The wall clock, read here and handed on as a value. */
export const nowMs = (): number => Date.now()
