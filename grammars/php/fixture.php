<?php
// Mail: messages and how they are sent.
declare(strict_types=1);

namespace App\Mail;

use Psr\Log\LoggerInterface;
//  ^^^ import "Psr\Log\LoggerInterface"
use App\Support\{Address, Clock as Time};
//  ^^^ import "App\Support"
//               ^^^^^^^ import
use function App\Support\retry;
//           ^^^ import "App\Support\retry"
require_once __DIR__ . '/helpers.php';
//                      ^^^^^^^^^^^^ import "/helpers.php"
include 'legacy.php';
//       ^^^^^^^^^^ import "legacy.php"

const LIMIT = 10;

define('TEMPLATES', [
//      ^^^^^^^^^ constant TEMPLATES
    'welcome' => 'Willkommen 👋',
]);

$routes = [
 // <- constant routes
    'send' => SendAction::class,
//            ^^^^^^^^^^ type
];

/**
 * Sends messages.
 *
 * Tries three times.
 */
#[Service('mailer')]
final class Mailer extends Transport implements Sender, \Countable
//          ^^^^^^ class Mailer doc="Sends messages.  Tries three times."
//                         ^^^^^^^^^ type
//                                              ^^^^^^ type
//                                                       ^^^^^^^^^ type
{
    use LogsErrors;
//      ^^^^^^^^^^ type
    public const RETRIES = 3;
    private ?Queue $queue = null;
//           ^^^^^ type

    public function __construct(private LoggerInterface $logger)
//                  ^^^^^^^^^^^ method Mailer.__construct
//                                      ^^^^^^^^^^^^^^^ type
    {
        parent::__construct();

    }

    abstract protected function connect(): void;

    // Sends one message.
    #[Retry(times: self::RETRIES)]
    public static function send(Message|Draft $message, string ...$to): static
//                         ^^^^ method Mailer.send doc="Sends one message."
//                              ^^^^^^^ type
//                                      ^^^^^ type
    {
        $next = fn ($x) => $x->next();
//       ^^^^ call
        $this->queue?->push(new Envelope($message, self::RETRIES));
//                     ^^^^ call
//                              ^^^^^^^^ call
//                                                       ^^^^^^^ name
        if (!$message instanceof Signed) {
//                               ^^^^^^ type
            throw new \App\Errors\Unsigned(Level::HIGH, \strlen($to[0]));
//                                ^^^^^^^^ call
//                                         ^^^^^ type
//                                                ^^^^ name
//                                                       ^^^^^^ call
        }
        return retry(LIMIT, Factory::make(...));
//             ^^^^^ call
//                   ^^^^^ name
//                          ^^^^^^^ type
//                                   ^^^^ call
    }

    public function &größe(): array { /* 📮 */ return $this->sizes; }
//                   ^^^^^ method Mailer.größe

    public string $label {
//                 ^^^^^ method Mailer.label
        get => $this->name();
    }
}

interface Sender extends Named
//        ^^^^^^ interface Sender
//                       ^^^^^ type
{
    public function send(Message $message): void;
}

trait LogsErrors
//    ^^^^^^^^^^ class LogsErrors
{
    protected function log(\Throwable $error) { $this->logger->error($error); }
//                     ^^^ method LogsErrors.log
//                          ^^^^^^^^^ type
//                                     ^^^^^ call
}

enum Level: string
//   ^^^^^ enum Level
{
    case HIGH = 'h';
    public function label(): string { return ucfirst($this->name); }
//                  ^^^^^ method Level.label
//                                           ^^^^^^^ call
}

/** Shortens a text. */
function shorten(string $text): string
//       ^^^^^^^ function shorten doc="Shortens a text."
{
    function inner() { return 1; }
    return substr($text, 0, LIMIT);
//         ^^^^^^ call
}

if (!function_exists('blank')) {
    function blank($value) { return empty($value); }
//           ^^^^^ function blank
}

$notify = function ($who) use ($routes) {
 // <- function notify
    return $who;
};

$sender = new class extends Mailer {
 // <- class sender
    public function ping() { return pong(); }
//                  ^^^^ method sender.ping
//                                  ^^^^ call
};
