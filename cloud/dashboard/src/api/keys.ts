/** Keys of cached resources. A shorter key is the prefix of the longer ones, so that one invalidation covers them. */
export const keys = {
  me: ['me'] as const,
  sites: ['sites'] as const,
  stations: ['stations'] as const,
  stationList: (filter: object) => ['stations', 'list', filter] as const,
  station: (stationId: string) => ['stations', 'one', stationId] as const,
  commands: ['commands'] as const,
  command: (commandId: string) => ['commands', 'one', commandId] as const,
  sessions: ['sessions'] as const,
  sessionList: (filter: object) => ['sessions', 'list', filter] as const,
  session: (sessionId: string) => ['sessions', 'one', sessionId] as const,
  tokens: ['tokens'] as const,
  drivers: ['drivers'] as const,
  tariffs: ['tariffs'] as const,
  invoices: ['invoices'] as const,
  invoice: (invoiceId: string) => ['invoices', 'one', invoiceId] as const,
  alerts: ['alerts'] as const,
}
