/**
 * Contract certificates of Plug & Charge, judged at the site (2.0.1 use case C07, central validation): the chain that the EV has shown
 * must lead to a root that the site document names. Whether one was revoked is asked elsewhere (plug-and-charge.ts).
 */
import { X509Certificate } from 'node:crypto'

/** As OCPP's AuthorizeCertificateStatusEnumType has it. */
export type ContractStatus =
  | 'Accepted'
  | 'SignatureError'
  | 'CertificateExpired'
  | 'CertificateRevoked'
  | 'NoCertificateAvailable'
  | 'CertChainError'
  | 'ContractCancelled'

/** A certificate of the way from the contract to its root, and who has signed it. */
export interface ChainLink {
  certificate: X509Certificate
  issuer: X509Certificate
}

/** Longest way from a contract to its root: leaf, two sub-CAs (ISO 15118) and one to spare. */
export const MAX_CHAIN = 4

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * The way from the contract to its root is told as far as it was gone: whole, where it is Accepted. `chain`: PEM certificates one after the other, the contract's first; `roots`: PEM. NoCertificateAvailable: nothing can be judged (no root
 * is known, or there is no certificate), or none is of this eMAID; CertChainError: the chain leads to no known root; SignatureError:
 * a certificate names an issuer that has not signed it.
 */
export function judgeContract(
  chain: string | undefined,
  roots: readonly string[],
  emaid: string,
  nowMs: number,
): { status: ContractStatus; links: ChainLink[] } {
  const links: ChainLink[] = []
  const found = (status: ContractStatus) => ({ status, links })
  if (chain === undefined || roots.length === 0) return found('NoCertificateAvailable')
  const shown = certificates(chain.match(PEM) ?? [])
  const known = certificates(roots)
  if (shown === undefined || known === undefined) return found('CertChainError')
  const [contract, ...subs] = shown
  if (contract === undefined || emaidOf(contract) !== plain(emaid)) return found('NoCertificateAvailable')
  let at = contract
  for (let steps = 0; steps < MAX_CHAIN; steps++) {
    if (!isValidAt(at, nowMs)) return found('CertificateExpired')
    const issuers = [...known, ...subs].filter((it) => it.ca && at.checkIssued(it))
    if (issuers.length === 0) return found('CertChainError')
    const issuer = issuers.find((it) => at.verify(it.publicKey))
    if (issuer === undefined) return found('SignatureError')
    links.push({ certificate: at, issuer })
    if (known.includes(issuer)) return found(isValidAt(issuer, nowMs) ? 'Accepted' : 'CertificateExpired')
    at = issuer
  }
  return found('CertChainError')
}

/** Undefined where one of them is none. */
export function certificates(pems: readonly string[]): X509Certificate[] | undefined {
  try {
    return pems.map((pem) => new X509Certificate(pem))
  } catch {
    return undefined
  }
}

function isValidAt({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && nowMs < Date.parse(validTo)
}

/** The contract's own name: ISO 15118 has the eMAID as common name of the leaf. */
function emaidOf({ subject }: X509Certificate): string | undefined {
  const name = /^CN=(.*)$/m.exec(subject)?.[1]
  return name === undefined ? undefined : plain(name)
}

/** An eMAID is the same with and without its hyphens, and in either case. */
function plain(emaid: string): string {
  return emaid.replaceAll('-', '').toUpperCase()
}
