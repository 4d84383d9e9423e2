{-# LANGUAGE LambdaCase #-}

-- | A small parser combinator library and, on top of it, an interpreter of arithmetic
-- with variables: @let x = 2 in x * (x + 1)@.
module Parser
  ( Parser
  , ParseError (..)
  , Expr (..)
  , parseExpr
  , eval
  , simplify
  ) where

import Control.Applicative (Alternative (..), optional)
import Control.Monad (unless, void)
import Data.Char (isAlpha, isAlphaNum, isDigit, isSpace)
import Data.List (intercalate, nub)
import qualified Data.Map.Strict as Map

data Position = Position
  { line :: !Int
  , column :: !Int
  }
  deriving (Eq, Ord, Show)

data ParseError = ParseError
  { errorAt :: Position
  , expected :: [String]
  }
  deriving (Eq, Show)

data Input = Input
  { position :: Position
  , rest :: String
  }

-- | Failures remember how far they got, so that the deepest one can be reported.
newtype Parser a = Parser
  { runParser :: Input -> Either ParseError (a, Input)
  }

instance Functor Parser where
  fmap f (Parser p) = Parser $ \input -> case p input of
    Left err -> Left err
    Right (a, next) -> Right (f a, next)

instance Applicative Parser where
  pure a = Parser $ \input -> Right (a, input)
  Parser pf <*> Parser pa = Parser $ \input -> do
    (f, next) <- pf input
    (a, final) <- pa next
    pure (f a, final)

instance Monad Parser where
  Parser p >>= f = Parser $ \input -> do
    (a, next) <- p input
    runParser (f a) next

instance Alternative Parser where
  empty = Parser $ \input -> Left (ParseError (position input) [])
  Parser p <|> Parser q = Parser $ \input -> case p input of
    Right result -> Right result
    Left err -> case q input of
      Right result -> Right result
      Left err' -> Left (deepest err err')

deepest :: ParseError -> ParseError -> ParseError
deepest a b
  | errorAt a > errorAt b = a
  | errorAt a < errorAt b = b
  | otherwise = a { expected = nub (expected a ++ expected b) }

infixl 2 <?>

-- | Names what a parser expects at its start.
(<?>) :: Parser a -> String -> Parser a
Parser p <?> name = Parser $ \input -> case p input of
  Left err | errorAt err == position input -> Left err { expected = [name] }
  result -> result

satisfy :: (Char -> Bool) -> Parser Char
satisfy accepts = Parser $ \input -> case rest input of
  c : cs | accepts c -> Right (c, Input (advance c (position input)) cs)
  _ -> Left (ParseError (position input) [])
  where
    advance '\n' (Position l _) = Position (l + 1) 1
    advance _ (Position l c) = Position l (c + 1)

token :: Parser a -> Parser a
token p = p <* many (satisfy isSpace)

symbol :: Char -> Parser ()
symbol c = void (token (satisfy (== c))) <?> show c

endOfInput :: Parser ()
endOfInput = Parser $ \input ->
  if null (rest input)
    then Right ((), input)
    else Left (ParseError (position input) ["end of input"])

data Expr
  = Number Double
  | Variable String
  | Binary Char Expr Expr
  | Let String Expr Expr
  deriving (Eq, Show)

keywords :: [String]
keywords = ["let", "in"]

word :: Parser String
word = token ((:) <$> satisfy isAlpha <*> many (satisfy isAlphaNum))

keyword :: String -> Parser ()
keyword name = attempt <?> show name
  where
    attempt = do
      found <- word
      unless (found == name) empty

identifier :: Parser String
identifier = check <?> "a name"
  where
    check = word >>= \case
      name | name `elem` keywords -> empty
           | otherwise -> pure name

number :: Parser Double
number = token digits <?> "a number"
  where
    digits = do
      whole <- some (satisfy isDigit)
      fraction <- optional (satisfy (== '.') *> some (satisfy isDigit))
      pure . read $ whole ++ maybe "" ('.' :) fraction

chainLeft :: Parser a -> Parser (a -> a -> a) -> Parser a
chainLeft operand operator = operand >>= loop
  where
    loop left = next left <|> pure left
    next left = do
      combine <- operator
      right <- operand
      loop (combine left right)

expr :: Parser Expr
expr = binding <|> additive
  where
    binding = do
      keyword "let"
      name <- identifier
      symbol '='
      value <- expr
      keyword "in"
      Let name value <$> expr
    additive = chainLeft multiplicative (operator "+-")
    multiplicative = chainLeft atom (operator "*/")
    operator cs = foldr (<|>) empty [Binary c <$ symbol c | c <- cs]
    atom = Number <$> number
      <|> symbol '(' *> expr <* symbol ')'
      <|> Variable <$> identifier

parseExpr :: String -> Either String Expr
parseExpr text = case runParser (many (satisfy isSpace) *> expr <* endOfInput) start of
  Right (result, _) -> Right result
  Left (ParseError at wanted) ->
    Left $ show (line at) ++ ":" ++ show (column at) ++ ": expected " ++ intercalate " or " wanted
  where
    start = Input (Position 1 1) text

type Environment = Map.Map String Double

eval :: Environment -> Expr -> Either String Double
eval env = \case
  Number n -> Right n
  Variable name -> maybe (Left ("unknown variable " ++ name)) Right (Map.lookup name env)
  Let name value body -> do
    v <- eval env value
    eval (Map.insert name v env) body
  Binary op left right -> do
    l <- eval env left
    r <- eval env right
    apply op l r

apply :: Char -> Double -> Double -> Either String Double
apply op l r = case op of
  '+' -> Right (l + r)
  '-' -> Right (l - r)
  '*' -> Right (l * r)
  '/' | r == 0 -> Left "division by zero"
      | otherwise -> Right (l / r)
  _ -> Left ("unknown operator " ++ [op])

-- | Folds constants and drops neutral elements.
simplify :: Expr -> Expr
simplify (Binary op l r) = case (op, simplify l, simplify r) of
  ('+', Number 0, e) -> e
  ('+', e, Number 0) -> e
  ('*', Number 1, e) -> e
  ('*', e, Number 1) -> e
  (_, Number a, Number b) | Right n <- apply op a b -> Number n
  (_, l', r') -> Binary op l' r'
simplify (Let name value body) = Let name (simplify value) (simplify body)
simplify e = e
