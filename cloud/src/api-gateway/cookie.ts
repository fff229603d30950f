/** The dashboard's cookie: no script reads it, no other site sends it. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

export const COOKIE_NAME = 'switchyard_session'
/** How long a sign-in lasts. */
export const SIGN_IN_MS = 12 * 3_600_000

export function readCookie(c: Context): string | undefined {
  return getCookie(c, COOKIE_NAME)
}

/** `secure`: only over https; the case in production. */
export function writeCookie(c: Context, value: string, secure: boolean): void {
  setCookie(c, COOKIE_NAME, value, {
    httpOnly: true,
    sameSite: 'Strict',
    secure,
    path: '/',
    maxAge: SIGN_IN_MS / 1000,
  })
}

export function clearCookie(c: Context, secure: boolean): void {
  deleteCookie(c, COOKIE_NAME, { secure, path: '/' })
}
