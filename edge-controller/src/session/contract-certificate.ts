/**
 * Contract certificates of Plug & Charge, judged at the site (2.0.1 use case C07, central validation): the chain that the EV has shown
 * must lead to a root that the site document names. Whether one was revoked is asked elsewhere (plug-and-charge.ts).
 */
import { X509Certificate } from 'node:crypto'
import { plainEmaid } from '@switchyard/protocol/site/emaid.ts'

/**
 * What a contract certificate is worth, in words of OCPP's AuthorizeCertificateStatusEnumType. NoCertificateAvailable: the site has
 * nothing to judge it by; whatever cannot be verified though it has is CertChainError (C07.FR.17), a forged signature too: OCPP has a
 * SignatureError, and says that it is not used.
 */
export type ContractStatus =
  | 'Accepted'
  | 'CertificateExpired'
  | 'CertificateRevoked'
  | 'CertChainError'
  | 'NoCertificateAvailable'

/** A certificate of the way from the contract to its root, and who has signed it. */
export interface ChainLink {
  certificate: X509Certificate
  issuer: X509Certificate
}

/** Longest way from a contract to its root: leaf, two sub-CAs (ISO 15118) and one to spare. */
export const MAX_CHAIN = 4

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * The way from the contract to its root is told as far as it was gone: whole, where it is Accepted. `chain`: PEM certificates one
 * after the other, the contract's first; `roots`: PEM. NoCertificateAvailable: no root is known. CertChainError: there is no
 * certificate, or it is of another eMAID, its chain leads to no known root, or one names an issuer that has not signed it.
 */
export function judgeContract(
  chain: string,
  roots: readonly string[],
  emaid: string,
  nowMs: number,
): { status: ContractStatus; links: ChainLink[] } {
  const links: ChainLink[] = []
  const found = (status: ContractStatus) => ({ status, links })
  if (roots.length === 0) return found('NoCertificateAvailable')
  const shown = certificates(chain.match(PEM) ?? [])
  const known = certificates(roots)
  if (shown === undefined || known === undefined) return found('CertChainError')
  const [contract, ...subs] = shown
  // Or a driver with a contract of their own could charge on somebody else's token.
  if (contract === undefined || emaidOf(contract) !== plainEmaid(emaid)) return found('CertChainError')
  let at = contract
  for (let steps = 0; steps < MAX_CHAIN; steps++) {
    if (!isValidAt(at, nowMs)) return found('CertificateExpired')
    const issuers = [...known, ...subs].filter((it) => it.ca && at.checkIssued(it))
    const issuer = issuers.find((it) => at.verify(it.publicKey))
    if (issuer === undefined) return found('CertChainError')
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
  return name === undefined ? undefined : plainEmaid(name)
}
