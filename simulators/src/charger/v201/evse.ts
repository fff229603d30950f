/** Each EVSE of ours has one connector, which is number 1. */
export const CONNECTOR = 1
