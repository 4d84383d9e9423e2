-- | Shortest paths in a weighted graph, read from lines such as @home office 12@.
module Main (main) where

import qualified Data.ByteString.Char8 as B
import Data.Foldable (foldl', for_)
import Data.Function (on)
import Data.List (sortBy)
import qualified Data.Map.Strict as Map
import Data.Maybe (fromMaybe, mapMaybe)
import qualified Data.Set as Set
import System.Environment (getArgs, getProgName)
import System.Exit (exitFailure)
import System.IO (hPutStrLn, stderr)
import Text.Printf (printf)

type Node = B.ByteString

-- | Weights are not negative; 'parseEdge' sees to that.
newtype Graph = Graph (Map.Map Node [(Node, Int)])

data Edge = Edge
  { from :: Node
  , to :: Node
  , weight :: Int
  }

-- | What is known of a node: its distance and the node before it on the way.
data Reached = Reached
  { distance :: !Int
  , previous :: Maybe Node
  }

buildGraph :: [Edge] -> Graph
buildGraph edges = Graph (foldl' add Map.empty edges)
  where
    add table (Edge a b w) =
      Map.insertWith (++) a [(b, w)]
        . Map.insertWith (++) b [(a, w)]
        $ table

neighbours :: Graph -> Node -> [(Node, Int)]
neighbours (Graph table) node = Map.findWithDefault [] node table

nodes :: Graph -> [Node]
nodes (Graph table) = Map.keys table

-- | Distances from one node to all that can be reached. The frontier is a set of
-- (distance, node) pairs, which serves as a queue from which entries can be deleted.
shortestPaths :: Graph -> Node -> Map.Map Node Reached
shortestPaths graph source = go start (Set.singleton (0, source))
  where
    start = Map.singleton source (Reached 0 Nothing)

    go reached frontier = case Set.minView frontier of
      Nothing -> reached
      Just ((here, node), remaining) ->
        let (reached', frontier') = foldl' relax (reached, remaining) (neighbours graph node)
            relax (table, queue) (next, w) =
              let candidate = here + w
                  known = distance <$> Map.lookup next table
               in case known of
                    Just old
                      | old <= candidate -> (table, queue)
                      | otherwise -> update table (Set.delete (old, next) queue)
                    Nothing -> update table queue
              where
                update t q =
                  ( Map.insert next (Reached (here + w) (Just node)) t
                  , Set.insert (here + w, next) q
                  )
         in go reached' frontier'

-- | The nodes on the way to a target, the source first.
pathTo :: Map.Map Node Reached -> Node -> Maybe [Node]
pathTo table target
  | target `Map.member` table = Just (reverse (walk target))
  | otherwise = Nothing
  where
    walk node = node : maybe [] walk (Map.lookup node table >>= previous)

parseEdge :: (Int, B.ByteString) -> Either String (Maybe Edge)
parseEdge (number, text) = case B.words (B.takeWhile (/= '#') text) of
  [] -> Right Nothing
  [a, b, w] -> case B.readInt w of
    Just (n, rest)
      | not (B.null rest) -> failure "the weight is not a whole number"
      | n < 0 -> failure "the weight is negative"
      | otherwise -> Right (Just (Edge a b n))
    Nothing -> failure "the weight is not a number"
  ws -> failure ("expected 3 words, found " ++ show (length ws))
  where
    failure message = Left ("line " ++ show number ++ ": " ++ message)

readGraph :: B.ByteString -> Either String Graph
readGraph text = do
  edges <- traverse parseEdge (zip [1 ..] (B.lines text))
  pure (buildGraph (mapMaybe id edges))

report :: Graph -> Node -> IO ()
report graph source = do
  let table = shortestPaths graph source
      byDistance = sortBy (compare `on` (distance . snd)) (Map.toList table)
  for_ byDistance $ \(node, reached) -> do
    let way = fromMaybe [] (pathTo table node)
    printf "%6d  %s\n" (distance reached) (B.unpack (B.intercalate (B.pack " > ") way))
  let lost = length (nodes graph) - Map.size table
  if lost > 0
    then printf "%d nodes cannot be reached\n" lost
    else pure ()

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    [file, source] -> do
      text <- B.readFile file
      case readGraph text of
        Left message -> die (file ++ ": " ++ message)
        Right graph
          | B.pack source `elem` nodes graph -> report graph (B.pack source)
          | otherwise -> die ("there is no node " ++ show source)
    _ -> do
      name <- getProgName
      die ("usage: " ++ name ++ " FILE SOURCE")
  where
    die message = hPutStrLn stderr message >> exitFailure
