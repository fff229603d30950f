/** The messages that the benchmarks send: what a charging station says most. */
export const authorize = (id: string) => `[2,"${id}","Authorize",{"idTag":"BENCH-1"}]`
export const boot = (id: string) =>
  `[2,"${id}","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"B1"}]`
export const startTransaction = (id: string, at: string) =>
  `[2,"${id}","StartTransaction",{"connectorId":1,"idTag":"BENCH-1","meterStart":1000,"timestamp":"${at}"}]`

export const stopTransaction = (id: string, at: string, transactionId: number, wh: number) =>
  `[2,"${id}","StopTransaction",{"transactionId":${transactionId},"idTag":"BENCH-1","meterStop":${wh},"timestamp":"${at}"}]`

/** Energy, power, current on three phases and state of charge, as a station with a car on it sends them. */
export function meterValues(id: string, at: string, transactionId: number, wh: number): string {
  return JSON.stringify([
    2,
    id,
    'MeterValues',
    {
      connectorId: 1,
      transactionId,
      meterValue: [
        {
          timestamp: at,
          sampledValue: [
            {
              value: String(wh),
              context: 'Sample.Periodic',
              measurand: 'Energy.Active.Import.Register',
              unit: 'Wh',
            },
            { value: '11040', context: 'Sample.Periodic', measurand: 'Power.Active.Import', unit: 'W' },
            {
              value: '16.0',
              context: 'Sample.Periodic',
              measurand: 'Current.Import',
              phase: 'L1',
              unit: 'A',
            },
            {
              value: '16.0',
              context: 'Sample.Periodic',
              measurand: 'Current.Import',
              phase: 'L2',
              unit: 'A',
            },
            {
              value: '16.0',
              context: 'Sample.Periodic',
              measurand: 'Current.Import',
              phase: 'L3',
              unit: 'A',
            },
            { value: '55', context: 'Sample.Periodic', measurand: 'SoC', unit: 'Percent' },
          ],
        },
      ],
    },
  ])
}
