/** A private pool: its own topic, key and ledger, for those who hold the link. */
export {}
