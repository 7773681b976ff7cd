// Plays a round with the client that @hey-api/openapi-ts makes of the server's description, into the folder `casino`, and
// prints each call with its status and what was answered, a line of JSON each.
//
// BASE is where the server is, CASHIER and PROVIDER are keys of these roles.

import { createClient } from './casino/client/index.js';
import { getBalances, openPlayer, placeBet, quoteWithdrawal, recordDeposit, settleRound } from './casino/index.js';
import type { Money, PlaceRequest, Problem } from './casino/index.js';

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const speaking = (key: string) => createClient({ baseUrl: setting('BASE'), auth: () => key });
const cashier = speaking(setting('CASHIER'));
const provider = speaking(setting('PROVIDER'));

const euro = (amount: string): Money => ({ amount, currency: 'EUR' });
const bet = (requestId: string, stake: string): PlaceRequest => ({
  requestId,
  playerId: 'tom',
  wallet: 'cash',
  roundId: 'round-1',
  gameId: 'hmac:crash',
  stake: euro(stake),
});

type Result<Answer> = ({ data: Answer; error: undefined } | { data: undefined; error: Problem }) & { response?: Response };

function tell<Answer>(call: string, { data, error, response }: Result<Answer>): void {
  const seen = error === undefined ? { answer: data } : { code: error.code, problem: error };
  console.log(JSON.stringify({ call, status: response?.status, ...seen }));
}

tell('openPlayer', await openPlayer({ client: cashier, body: { playerId: 'tom', brand: 'lucky' } }));
tell('recordDeposit', await recordDeposit({ client: cashier, body: { requestId: 'in-1', playerId: 'tom', amount: euro('100.00') } }));
tell('placeBet', await placeBet({ client: provider, body: bet('bet-1', '10.00') }));
tell('placeBet', await placeBet({ client: provider, body: bet('bet-1', '10.00') }));
tell('placeBet', await placeBet({ client: provider, body: bet('bet-2', '90.01') }));
const payout = euro('36.40');
tell('settleRound', await settleRound({ client: provider, body: { requestId: 'win-1', playerId: 'tom', roundId: 'round-1', payout } }));
tell('getBalances', await getBalances({ client: provider, path: { player: 'tom' } }));
const quote = { currency: 'EUR', amount: '20.00' };
tell('quoteWithdrawal', await quoteWithdrawal({ client: cashier, path: { player: 'tom' }, query: quote }));
