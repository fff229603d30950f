/** Status of the certificates of a chain (2.1, M07), each asked where the station says, one place after the other. */
import type { CertificateId } from '@switchyard/protocol/certificates/certificate-id.ts'
import { CERTIFICATE_TIMEOUT_MS } from '@switchyard/protocol/site/certificate-question.ts'
import type { StateReader } from '../draft.ts'
import type { Clock } from '../ports.ts'
import { statusIssuers } from '../session/plug-and-charge.ts'
import type { RevocationSource, RevocationStatus, Revocations } from './revocation.ts'

export interface StatusRequest {
  id: CertificateId
  source: RevocationSource['source']
  urls: readonly string[]
}

export interface ChainStatusPorts {
  state: StateReader
  clock: Clock
  revocations: Revocations
}

/** In the order of the requests; undefined where no answer was to be had in CERTIFICATE_TIMEOUT_MS. Never rejects. */
export async function statusesOf(
  stationId: string,
  requests: readonly StatusRequest[],
  { state, clock, revocations }: ChainStatusPorts,
): Promise<(RevocationStatus | undefined)[]> {
  const issuers = statusIssuers(state)
  const found: (RevocationStatus | undefined)[] = requests.map(() => undefined)
  let isLate = false
  async function ask({ id, source, urls }: StatusRequest, n: number): Promise<void> {
    for (const url of urls) {
      if (isLate || found[n]) return
      found[n] = await revocations.statusOf(stationId, { ...id, source, url }, issuers)
    }
  }
  return new Promise((resolve) => {
    const finish = () => {
      isLate = true
      cancel()
      resolve([...found])
    }
    const cancel = clock.after(CERTIFICATE_TIMEOUT_MS, finish)
    void Promise.all(requests.map(ask)).then(finish)
  })
}
