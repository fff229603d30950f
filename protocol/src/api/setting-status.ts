/** What came of something that is wanted of a station. pending: its site has not told yet. */
export const SETTING_STATUSES = ['applied', 'drift', 'pending'] as const
