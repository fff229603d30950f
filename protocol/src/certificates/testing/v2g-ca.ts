/** A V2G CA behind HTTP as docs/iso15118.md describes it: signs requests with a sub-CA under a root of its own. */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { issue, type Party, serve } from './authority.ts'

export interface V2gCa {
  url: string
  root: Party
  sub: Party
  /** Bodies of the requests. */
  asked: Record<string, unknown>[]
  /** Answers so instead of signing. */
  answer: { status: number; body: string } | undefined
  close(): Promise<void>
}

export async function openV2gCa(): Promise<V2gCa> {
  const root = await issue('V2G Root', undefined)
  const sub = await issue('CPO Sub-CA', root)
  const ca: V2gCa = { url: '', root, sub, asked: [], answer: undefined, async close() {} }
  const server = await serve((body, response) => {
    const wish = JSON.parse(body.toString()) as { csr: string }
    ca.asked.push(wish)
    if (ca.answer) return void response.writeHead(ca.answer.status).end(ca.answer.body)
    void sign(wish.csr, sub).then((certificateChain) =>
      response.end(JSON.stringify({ status: 'Accepted', certificateChain })),
    )
  })
  return Object.assign(ca, server)
}

async function sign(csr: string, sub: Party): Promise<string> {
  const { subjectName, publicKey } = new x509.Pkcs10CertificateRequest(csr)
  const [name = 'nobody'] = subjectName.getField('CN')
  const station = await issue(name, sub, { ca: false, publicKey })
  return `${station.pem}\n${sub.pem}\n`
}

/** A request for a certificate, PEM. */
export async function requestFor(name: string): Promise<string> {
  const { keys } = await issue(name, undefined)
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name},O=Operator`,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  })
  return csr.toString('pem')
}
