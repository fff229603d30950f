/** What routes declare that they answer, in one wording. */
import { problem } from '@switchyard/protocol/api/shapes.ts'
import type { z } from 'zod'

const problemContent = { 'application/problem+json': { schema: problem } }

/** Every other answer is a problem (RFC 9457); 422 names in `errors` where the input is wrong. */
export const problems = { default: { description: 'A problem', content: problemContent } }

export function answers<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } }
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } }
}
