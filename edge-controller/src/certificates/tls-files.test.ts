/** The certificates that the TLS port is opened with, by the configuration's files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../config.ts'
import { systemRandom } from '../random.ts'
import { type KeyPair, SiteCa } from './site-ca.ts'
import { openTls } from './tls-files.ts'

let folder: string
let ec: KeyPair
let rsa: KeyPair

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-tls-files-'))
  const options = { folder: join(folder, 'theirs'), siteId: 'S', random: systemRandom, now: Date.now }
  const theirs = await SiteCa.open({ ...options, hostnames: ['csms.example'] })
  ;[ec, rsa] = theirs.own as [KeyPair, KeyPair]
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function open(files: Record<string, string>) {
  const settings: Record<string, string> = {}
  for (const [name, text] of Object.entries(files)) {
    settings[name] = join(folder, name)
    writeFileSync(settings[name], text)
  }
  const site = { SITE_ID: 'S', OCPP_TLS_PORT: '9443', JOURNAL_FILE: join(folder, 'journal.db') }
  return openTls(loadConfig({ ...site, ...settings }), systemRandom, Date.now)
}

describe('what the TLS port is opened with', () => {
  it('is the two certificates of the own CA, or those that the configuration names', async () => {
    const own = await open({})
    expect(own?.tls.own).toEqual(own?.ca.own)
    const first = { OCPP_TLS_CERT_FILE: ec.cert, OCPP_TLS_KEY_FILE: ec.key }
    expect((await open(first))?.tls.own).toEqual([ec])
    const second = { OCPP_TLS_SECOND_CERT_FILE: rsa.cert, OCPP_TLS_SECOND_KEY_FILE: rsa.key }
    expect((await open({ ...first, ...second }))?.tls.own).toEqual([ec, rsa])
  })

  it('is refused where a file is missing, a key is of another certificate, or both are of one kind', async () => {
    const first = { OCPP_TLS_CERT_FILE: ec.cert, OCPP_TLS_KEY_FILE: ec.key }
    await expect(open({ OCPP_TLS_CERT_FILE: ec.cert })).rejects.toThrow(
      'OCPP_TLS_CERT_FILE and OCPP_TLS_KEY_FILE: both or none',
    )
    await expect(open({ OCPP_TLS_CERT_FILE: ec.cert, OCPP_TLS_KEY_FILE: rsa.key })).rejects.toThrow(
      'OCPP_TLS_KEY_FILE is not the key of OCPP_TLS_CERT_FILE',
    )
    const second = { OCPP_TLS_SECOND_CERT_FILE: ec.cert, OCPP_TLS_SECOND_KEY_FILE: ec.key }
    await expect(open({ ...first, ...second })).rejects.toThrow('both certificates are for a key of kind ec')
    await expect(open(second)).rejects.toThrow('goes with OCPP_TLS_CERT_FILE')
  })
})
