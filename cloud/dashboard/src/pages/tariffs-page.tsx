/** Tariffs as they are: what is charged for, and where each applies. */
import type { TariffResource } from '@switchyard/protocol/api/shapes.ts'
import { useQuery } from '@tanstack/react-query'
import { tariffsQuery } from '../api/queries.ts'
import { durationText } from '../format/duration.ts'
import { decimalText, priceText } from '../format/money.ts'
import { Page, Panel } from '../ui/page.tsx'
import { Empty, Loaded } from '../ui/states.tsx'
import classes from './tariffs-page.module.css'

type Component = TariffResource['elements'][number]['price_components'][number]

const NAMES = {
  ENERGY: 'Energy',
  TIME: 'Charging time',
  PARKING_TIME: 'Parking time',
  FLAT: 'Per session',
} as const
const PER = { ENERGY: '/kWh', TIME: '/h', PARKING_TIME: '/h', FLAT: '' } as const

function stepText({ type, step_size: step }: Component): string {
  if (type === 'FLAT') return ''
  if (step <= 1) return type === 'ENERGY' ? 'to the Wh' : 'to the second'
  return type === 'ENERGY' ? `in steps of ${step} Wh` : `in steps of ${durationText(step * 1000)}`
}

function appliesText(applies: TariffResource['appliesTo']): string {
  if (!applies) return 'Applies nowhere yet'
  if ('siteId' in applies) return `Applies to site ${applies.siteId}`
  if ('stationId' in applies) return `Applies to station ${applies.stationId}`
  return 'Applies wherever no other tariff does'
}

export function TariffsPage() {
  const query = useQuery(tariffsQuery())
  return (
    <Page title="Tariffs" note="A station's own tariff comes first, then its site's, then the default.">
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Panel>
              <Empty title="No tariff yet">
                Without one sessions end unpriced. Tariffs are set through the API.
              </Empty>
            </Panel>
          ) : (
            <div className={classes.grid}>
              {items.map((tariff) => (
                <Panel key={tariff.id}>
                  <h2 className={classes.name}>{tariff.id}</h2>
                  <p className="sy-muted">{appliesText(tariff.appliesTo)}</p>
                  {tariff.tariff_alt_text?.map(({ language, text }) => (
                    <p key={language} lang={language}>
                      {text}
                    </p>
                  ))}
                  <table className={classes.prices}>
                    <caption className="sy-hidden">Prices of {tariff.id}, without VAT</caption>
                    <tbody>
                      {tariff.elements
                        .flatMap((element) => element.price_components)
                        .map((component, index) => (
                          // biome-ignore lint/suspicious/noArrayIndexKey: the components of a tariff have an order and no id
                          <tr key={index}>
                            <th scope="row">{NAMES[component.type]}</th>
                            <td>
                              {priceText(component.price)} {tariff.currency}
                              {PER[component.type]}
                            </td>
                            <td className="sy-muted">
                              {component.vat === undefined
                                ? 'no VAT'
                                : `+ ${decimalText(component.vat)} % VAT`}
                            </td>
                            <td className="sy-muted">{stepText(component)}</td>
                          </tr>
                        ))}
                    </tbody>
                  </table>
                </Panel>
              ))}
            </div>
          )
        }
      </Loaded>
    </Page>
  )
}
