<?php

// Plays a round with the client that openapi-generator makes of the server's description, into the folder `casino`, and
// prints each call with its status and what was answered, a line of JSON each.
//
// BASE is where the server is, CASHIER and PROVIDER are keys of these roles.

declare(strict_types=1);

// Debian's Guzzle. With composer its autoloader knows both, and these lines go.
require 'GuzzleHttp/autoload.php';
spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Casino\\')) {
        require __DIR__ . '/casino/lib/' . strtr(substr($class, strlen('Casino\\')), '\\', '/') . '.php';
    }
});

use Casino\Api\CashierApi;
use Casino\Api\PlayApi;
use Casino\Api\PlayersApi;
use Casino\ApiException;
use Casino\Configuration;
use Casino\Model\DepositRequest;
use Casino\Model\ModelInterface;
use Casino\Model\Money;
use Casino\Model\OpenRequest;
use Casino\Model\PlaceRequest;
use Casino\Model\Problem;
use Casino\Model\SettleRequest;
use GuzzleHttp\Client;

function setting(string $name): string
{
    $value = getenv($name);
    return is_string($value) ? $value : throw new RuntimeException("$name is not set");
}

function speaking(string $key): Configuration
{
    return (new Configuration())->setHost(setting('BASE'))->setAccessToken($key);
}

function euro(string $amount): Money
{
    return new Money(['amount' => $amount, 'currency' => 'EUR']);
}

function bet(string $requestId, string $stake): PlaceRequest
{
    return new PlaceRequest([
        'request_id' => $requestId,
        'player_id' => 'tom',
        'wallet' => 'cash',
        'round_id' => 'round-1',
        'game_id' => 'hmac:crash',
        'stake' => euro($stake),
    ]);
}

/** @param callable(): array{ModelInterface, int, array<string, string[]>} $send */
function tell(string $call, callable $send): void
{
    try {
        [$answer, $status] = $send();
        $seen = $answer instanceof Problem
            ? ['code' => $answer->getCode(), 'problem' => $answer]
            : ['answer' => $answer];
    } catch (ApiException $refused) {
        $status = $refused->getCode();
        $problem = $refused->getResponseObject();
        $problem instanceof Problem || throw $refused;
        $seen = ['code' => $problem->getCode(), 'problem' => $problem];
    }
    echo json_encode(['call' => $call, 'status' => $status] + $seen, JSON_THROW_ON_ERROR), "\n";
}

$http = new Client();
$cashier = new CashierApi($http, speaking(setting('CASHIER')));
$players = new PlayersApi($http, speaking(setting('CASHIER')));
$play = new PlayApi($http, speaking(setting('PROVIDER')));
$watch = new PlayersApi($http, speaking(setting('PROVIDER')));

$open = new OpenRequest(['player_id' => 'tom', 'brand' => 'lucky']);
tell('openPlayer', fn () => $players->openPlayerWithHttpInfo($open));
$deposit = new DepositRequest(['request_id' => 'in-1', 'player_id' => 'tom', 'amount' => euro('100.00')]);
tell('recordDeposit', fn () => $cashier->recordDepositWithHttpInfo($deposit));
tell('placeBet', fn () => $play->placeBetWithHttpInfo(bet('bet-1', '10.00')));
tell('placeBet', fn () => $play->placeBetWithHttpInfo(bet('bet-1', '10.00')));
tell('placeBet', fn () => $play->placeBetWithHttpInfo(bet('bet-2', '90.01')));
$win = new SettleRequest(['request_id' => 'win-1', 'player_id' => 'tom', 'round_id' => 'round-1', 'payout' => euro('36.40')]);
tell('settleRound', fn () => $play->settleRoundWithHttpInfo($win));
tell('getBalances', fn () => $watch->getBalancesWithHttpInfo('tom'));
tell('quoteWithdrawal', fn () => $cashier->quoteWithdrawalWithHttpInfo('tom', 'EUR', '20.00'));
