/** The checkout this launcher belongs to. */
export const PROJECT: string
