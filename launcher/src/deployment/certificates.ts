/** Whether the certificate that a deployment shows to the world holds, for long enough, and belongs to its key. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { leftOut, ok, type Verdict, wrong } from './verdict.ts'

/** A certificate that ends sooner is renewed before a deployment, not in the middle of it. */
const DAYS_LEFT = 14
const DAY_MS = 86_400_000

/** `dir`: TLS_DIR, with certificate.pem (and its chain), key.pem, haproxy.pem and perhaps the ca.pem it is by; undefined: no TLS is published. */
export function checkCertificates(dir: string | undefined, nowMs: number): Verdict {
  if (dir === undefined) return leftOut('no compose file publishes TLS (deploy/compose/tls.yml)')
  const missing = ['certificate.pem', 'key.pem', 'haproxy.pem'].filter((it) => !existsSync(join(dir, it)))
  if (missing.length > 0) return wrong(...missing.map((it) => `${it} is not in TLS_DIR`))
  const read = (name: string): string => readFileSync(join(dir, name), 'utf8')
  const certificate = certificateIn(read('certificate.pem'))
  if (!certificate) return wrong('certificate.pem holds no certificate')
  const problems: string[] = []
  const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / DAY_MS)
  if (Date.parse(certificate.validFrom) > nowMs) problems.push(`it holds only from ${certificate.validFrom}`)
  if (days < DAYS_LEFT)
    problems.push(
      days < 0 ? `it ended on ${certificate.validTo}` : `it ends on ${certificate.validTo}, in ${days} days`,
    )
  if (!keyFits(certificate, read('key.pem'))) problems.push('key.pem is not its key')
  if (certificateIn(read('haproxy.pem'))?.fingerprint256 !== certificate.fingerprint256)
    problems.push('haproxy.pem holds another certificate')
  const ca = existsSync(join(dir, 'ca.pem')) ? certificateIn(read('ca.pem')) : undefined
  if (ca && read('certificate.pem').split('BEGIN CERTIFICATE').length === 2 && !certificate.checkIssued(ca))
    problems.push('it is not by the CA in ca.pem, which sites and stations are given')
  return problems.length > 0
    ? wrong(...problems)
    : ok(`${certificate.subjectAltName ?? certificate.subject}: ${days} days left`)
}

function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function keyFits(certificate: X509Certificate, pem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem))
  } catch {
    return false
  }
}
