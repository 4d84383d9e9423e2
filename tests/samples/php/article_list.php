<?php
/**
 * A page that lists articles: reading from the database, paging and the HTML around it.
 */

const PAGE_SIZE = 20;

function escape(?string $text): string
{
    return htmlspecialchars($text ?? '', ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function connect(string $dsn): PDO
{
    $db = new PDO($dsn);
    $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    $db->setAttribute(PDO::ATTR_DEFAULT_FETCH_MODE, PDO::FETCH_ASSOC);
    return $db;
}

/** Reads the wanted page number; anything that is not a number is the first page. */
function current_page(array $query): int
{
    $page = filter_var($query['page'] ?? 1, FILTER_VALIDATE_INT, [
        'options' => ['min_range' => 1, 'default' => 1],
    ]);
    return (int) $page;
}

function find_articles(PDO $db, int $page, string $search = ''): array
{
    $where = '';
    $parameters = [];
    if ($search !== '') {
        $where = 'WHERE title LIKE :search OR body LIKE :search';
        $parameters[':search'] = '%' . addcslashes($search, '%_\\') . '%';
    }
    $count = $db->prepare("SELECT COUNT(*) FROM article $where");
    $count->execute($parameters);
    $total = (int) $count->fetchColumn();

    $select = $db->prepare(
        "SELECT id, title, body, author, created_at FROM article $where
         ORDER BY created_at DESC LIMIT :limit OFFSET :offset"
    );
    foreach ($parameters as $name => $value) {
        $select->bindValue($name, $value);
    }
    $select->bindValue(':limit', PAGE_SIZE, PDO::PARAM_INT);
    $select->bindValue(':offset', ($page - 1) * PAGE_SIZE, PDO::PARAM_INT);
    $select->execute();

    return [
        'rows' => $select->fetchAll(),
        'pages' => max(1, (int) ceil($total / PAGE_SIZE)),
        'total' => $total,
    ];
}

function excerpt(string $body, int $length = 200): string
{
    $plain = trim(preg_replace('/\s+/', ' ', strip_tags($body)));
    if (mb_strlen($plain) <= $length) {
        return $plain;
    }
    $cut = mb_substr($plain, 0, $length);
    $space = mb_strrpos($cut, ' ');
    return ($space ? mb_substr($cut, 0, $space) : $cut) . '…';
}

function ago(DateTimeInterface $then, ?DateTimeInterface $now = null): string
{
    $now ??= new DateTimeImmutable();
    $seconds = $now->getTimestamp() - $then->getTimestamp();
    $units = [
        'year' => 31_536_000,
        'month' => 2_592_000,
        'day' => 86_400,
        'hour' => 3600,
        'minute' => 60,
    ];
    foreach ($units as $unit => $length) {
        $count = intdiv($seconds, $length);
        if ($count >= 1) {
            return $count === 1 ? "a $unit ago" : "$count {$unit}s ago";
        }
    }
    return 'just now';
}

function page_link(int $page, string $search): string
{
    $query = array_filter(['page' => $page, 'q' => $search]);
    return '?' . http_build_query($query);
}

$page = current_page($_GET);
$search = trim((string) ($_GET['q'] ?? ''));
$error = null;

try {
    $db = connect(getenv('DATABASE_DSN') ?: 'sqlite:' . __DIR__ . '/articles.db');
    $result = find_articles($db, $page, $search);
} catch (PDOException $exception) {
    error_log($exception->getMessage());
    http_response_code(503);
    $error = 'The database cannot be reached, please try again later.';
    $result = ['rows' => [], 'pages' => 1, 'total' => 0];
}

switch (true) {
    case $error !== null:
        $title = 'Out of order';
        break;
    case $search !== '':
        $title = "Articles about \"$search\"";
        break;
    default:
        $title = 'Articles';
}
?>
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title><?= escape($title) ?></title>
  </head>
  <body>
    <h1><?= escape($title) ?></h1>
    <form method="get">
      <input type="search" name="q" value="<?= escape($search) ?>">
      <button>Search</button>
    </form>
    <?php if ($error): ?>
      <p class="error"><?= escape($error) ?></p>
    <?php elseif ($result['total'] === 0): ?>
      <p>Nothing found.</p>
    <?php else: ?>
      <?php foreach ($result['rows'] as $row): ?>
        <article>
          <h2><a href="article.php?id=<?= (int) $row['id'] ?>"><?= escape($row['title']) ?></a></h2>
          <p><?= escape(excerpt($row['body'])) ?></p>
          <small>
            <?= escape($row['author']) ?>,
            <?= escape(ago(new DateTimeImmutable($row['created_at']))) ?>
          </small>
        </article>
      <?php endforeach; ?>
    <?php endif; ?>
    <nav>
      <?php for ($i = 1; $i <= $result['pages']; $i++) { ?>
        <?php if ($i === $page) { ?>
          <strong><?= $i ?></strong>
        <?php } else { ?>
          <a href="<?= escape(page_link($i, $search)) ?>"><?= $i ?></a>
        <?php } ?>
      <?php } ?>
    </nav>
  </body>
</html>
