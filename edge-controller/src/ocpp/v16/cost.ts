/**
 * What a session costs, told to a 1.6 station that shows it: DataTransfer of the vendor org.openchargealliance.costmsg (Open Charge
 * Alliance, application note "OCPP & California Pricing Requirements", section 3).
 */
import { instant } from '@switchyard/protocol/instant.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { unitPrices } from '@switchyard/protocol/pricing/unit-prices.ts'
import type { OutgoingCall } from '../module.ts'
import type { CostWords } from '../tell-cost.ts'

/** The extension as the vendor of a DataTransfer. */
export const COST_VENDOR_ID = 'org.openchargealliance.costmsg'

export const cost: CostWords = {
  price: ({ idToken }, text) =>
    idToken && transfer('SetUserPrice', { idToken: idToken.value, priceText: text }),
  running({ transactionId, register }, { amount, atMs, tariff }) {
    if (!register) return undefined
    const { perKWh, perHour, perSession } = unitPrices(tariff)
    return transfer('RunningCost', {
      transactionId: Number(transactionId),
      timestamp: instant(atMs),
      // Wh.
      meterValue: Math.round(register.milliWh / 1000),
      cost: amount,
      state: 'Charging',
      // Including tax, as the cost does.
      chargingPrice: {
        ...(perKWh === undefined ? {} : { kWhPrice: Number(perKWh) }),
        ...(perHour === undefined ? {} : { hourPrice: Number(perHour) }),
        ...(perSession === undefined ? {} : { flatFee: Number(perSession) }),
      },
    })
  },
  final: ({ transactionId }, amount, text) =>
    transfer('FinalCost', { transactionId: Number(transactionId), cost: amount, priceText: text }),
}

function transfer(messageId: string, data: JsonObject): OutgoingCall {
  return {
    action: 'DataTransfer',
    payload: { vendorId: COST_VENDOR_ID, messageId, data: JSON.stringify(data) },
  }
}
