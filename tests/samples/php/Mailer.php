<?php

declare(strict_types=1);

namespace Samples\Mail;

use InvalidArgumentException;
use Psr\Log\LoggerInterface;
use RuntimeException;

/**
 * Builds MIME messages and hands them to a transport. Header values are checked against
 * line breaks, so that nothing a visitor typed can add a header of its own.
 */
final class Message
{
    /** @var array<string, string> */
    private array $headers = [];
    private string $text = '';
    private ?string $html = null;
    /** @var list<Attachment> */
    private array $attachments = [];

    public function __construct(
        private readonly string $from,
        private readonly array $to,
        private readonly string $subject,
    ) {
        foreach ([$from, ...$to] as $address) {
            if (filter_var($address, FILTER_VALIDATE_EMAIL) === false) {
                throw new InvalidArgumentException("not an address: \"$address\"");
            }
        }
        if ($to === []) {
            throw new InvalidArgumentException('a message needs a recipient');
        }
    }

    public function text(string $text): static
    {
        $this->text = $text;
        return $this;
    }

    public function html(string $html): static
    {
        $this->html = $html;
        return $this;
    }

    public function header(string $name, string $value): static
    {
        if (preg_match('/[\r\n]/', $name . $value)) {
            throw new InvalidArgumentException("the header {$name} holds a line break");
        }
        $this->headers[$name] = $value;
        return $this;
    }

    public function attach(Attachment $attachment): static
    {
        $this->attachments[] = $attachment;
        return $this;
    }

    public function recipients(): array
    {
        return $this->to;
    }

    public function render(): string
    {
        $boundary = bin2hex(random_bytes(12));
        $headers = [
            'From' => $this->from,
            'To' => implode(', ', $this->to),
            'Subject' => mb_encode_mimeheader($this->subject, 'UTF-8'),
            'Date' => date(DATE_RFC2822),
            'MIME-Version' => '1.0',
            'Content-Type' => "multipart/mixed; boundary=\"{$boundary}\"",
        ] + $this->headers;

        $lines = [];
        foreach ($headers as $name => $value) {
            $lines[] = "$name: $value";
        }
        $parts = [self::part('text/plain; charset=utf-8', $this->text)];
        if ($this->html !== null) {
            $parts[] = self::part('text/html; charset=utf-8', $this->html);
        }
        foreach ($this->attachments as $attachment) {
            $parts[] = self::part(
                "{$attachment->type}; name=\"{$attachment->name}\"",
                $attachment->content,
            );
        }
        $body = implode('', array_map(fn (string $part): string => "--$boundary\r\n$part", $parts));

        return implode("\r\n", $lines) . "\r\n\r\n" . $body . "--$boundary--\r\n";
    }

    private static function part(string $type, string $content): string
    {
        return "Content-Type: $type\r\n"
            . "Content-Transfer-Encoding: base64\r\n\r\n"
            . chunk_split(base64_encode($content)) . "\r\n";
    }
}

final class Attachment
{
    public function __construct(
        public readonly string $name,
        public readonly string $type,
        public readonly string $content,
    ) {
    }

    public static function fromFile(string $path): self
    {
        $content = @file_get_contents($path);
        if ($content === false) {
            throw new RuntimeException("cannot read $path");
        }
        $type = match (strtolower(pathinfo($path, PATHINFO_EXTENSION))) {
            'pdf' => 'application/pdf',
            'png' => 'image/png',
            'jpg', 'jpeg' => 'image/jpeg',
            'txt' => 'text/plain',
            default => 'application/octet-stream',
        };
        return new self(basename($path), $type, $content);
    }
}

interface Transport
{
    public function send(Message $message): void;
}

trait Retries
{
    private int $attempts = 3;

    protected function retry(callable $action): mixed
    {
        for ($attempt = 1; ; $attempt++) {
            try {
                return $action();
            } catch (RuntimeException $error) {
                if ($attempt >= $this->attempts) {
                    throw $error;
                }
                usleep(100_000 * 2 ** $attempt);
            }
        }
    }
}

class Mailer
{
    use Retries;

    public const VERSION = '1.2';

    public function __construct(private Transport $transport, private ?LoggerInterface $log = null)
    {
    }

    public function send(Message $message): bool
    {
        $message->header('X-Mailer', 'samples/' . self::VERSION);
        try {
            $this->retry(function () use ($message): void {
                $this->transport->send($message);
            });
        } catch (RuntimeException $error) {
            $this->log?->error('mail failed: {reason}', ['reason' => $error->getMessage()]);
            return false;
        } finally {
            $this->log?->debug(sprintf('%d recipients', count($message->recipients())));
        }
        return true;
    }
}
