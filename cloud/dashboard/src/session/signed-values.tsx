/** Signed meter values of a session, for who verifies them: how many, and the file that has them byte for byte. */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { apiUrl } from '../api/client.ts'
import { signedDataQuery } from '../api/queries.ts'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Panel, Section } from '../ui/page.tsx'
import { Time } from '../ui/time.tsx'

/** Nothing where the station signed nothing. */
export function SignedValues({ sessionId, zone }: { sessionId: string; zone: string }) {
  const { data } = useQuery(signedDataQuery(sessionId))
  if (!data || (data.values.length === 0 && data.omitted === 0)) return null
  const first = data.values[0]
  const last = data.values.at(-1)
  return (
    <Section
      title="Signed meter values"
      note="As the station sent them; they are verified with the meter's own software."
      actions={
        <Button
          size="xs"
          variant="default"
          component="a"
          href={apiUrl(`/sessions/${encodeURIComponent(sessionId)}/signed-data`)}
          download={`${sessionId}-signed.json`}
        >
          Save
        </Button>
      }
    >
      <Panel>
        <Facts>
          <FactItem name="Values">
            {data.values.length}
            {data.omitted > 0 && `, ${data.omitted} more had no room`}
          </FactItem>
          <FactItem name="Method">{data.ocpi?.encoding_method ?? 'not told'}</FactItem>
          {first && (
            <FactItem name="First">
              {first.value} {first.unit} <Time at={first.at} zone={zone} short seconds />
            </FactItem>
          )}
          {last && last !== first && (
            <FactItem name="Last">
              {last.value} {last.unit} <Time at={last.at} zone={zone} short seconds />
            </FactItem>
          )}
        </Facts>
      </Panel>
    </Section>
  )
}
