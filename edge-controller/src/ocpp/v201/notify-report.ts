/** NotifyReport (2.0.1 use case B07): kept as sent but for passwords, in parts that fit a fact. */
import { withoutSecrets } from '@switchyard/protocol/command/secrets.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { NotifyReportRequest, NotifyReportResponse } from '@switchyard/protocol/ocpp/v201.ts'
import { Draft } from '../../draft.ts'
import { inParts } from '../../station/station-event.ts'
import { exactIds } from '../exact-ids.ts'
import type { Decision, HandlerContext } from '../handler.ts'

export function notifyReport(
  context: HandlerContext,
  said: NotifyReportRequest,
): Decision<NotifyReportResponse> {
  const { requestId, seqNo, tbc = false, reportData = [] } = said
  exactIds({ requestId, seqNo })
  const draft = new Draft(context.state)
  const parts = inParts(reportData)
  for (const [index, entries] of (parts.length > 0 ? parts : [[]]).entries()) {
    const isLast = index >= parts.length - 1
    draft.fact({
      kind: 'station.report',
      stationId: context.stationId,
      data: { requestId, seqNo, more: tbc || !isLast, entries: withoutSecrets(entries as unknown as Json[]) },
    })
  }
  return { reply: {}, outcome: draft.outcome() }
}
