// Counts the placements of n queens that begin with the two queens of the unit. Every invocation fixes some more rows and walks the rest.
// Integers only: every device counts the same.

struct Params {
  n: u32,
}

@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read_write> count: array<atomic<u32>, 1>;

const UNIT_ROWS = 2u;
const N_MAX = 16u;
// Rows that one invocation walks at most.
const WALK_MAX = 9u;
// Steps for 9 rows: at most 9!/8! + 9!/7! + ... + 9!/0! = 986409 placements, a step back for each, and the last step.
const FUEL = 1972819u;

struct Board {
  columns: u32,
  left: u32,
  right: u32,
  legal: bool,
}

// A queen at `column` of the next row. The diagonals move one column with every row.
fn place(board: Board, column: u32) -> Board {
  let bit = 1u << column;
  let taken = board.columns | board.left | board.right;
  return Board(board.columns | bit, (board.left | bit) << 1u, (board.right | bit) >> 1u, board.legal && (taken & bit) == 0u);
}

@compute @workgroup_size(64)
fn search(@builtin(global_invocation_id) thread: vec3u) {
  let id = launch.offset + thread;
  if (any(id >= launch.size)) { return; }
  let n = clamp(params.n, 5u, N_MAX);
  let all = (1u << n) - 1u;

  var board = place(place(Board(0u, 0u, 0u, true), launch.unit / n % n), launch.unit % n);
  // Three rows, or as many as leave WALK_MAX. The index of the invocation holds their columns as digits to the base n.
  let fixed_rows = max(3u, n - min(n, WALK_MAX + UNIT_ROWS));
  var digits = id.x;
  for (var row = 0u; row < min(fixed_rows, N_MAX); row++) {
    board = place(board, digits % n);
    digits /= n;
  }
  if (!board.legal || digits != 0u) { return; }

  let walk = n - UNIT_ROWS - fixed_rows;
  if (walk == 0u) {
    atomicAdd(&count[0], 1u);
    return;
  }

  // Columns, diagonals and untried places of each open row.
  var columns: array<u32, WALK_MAX>;
  var left: array<u32, WALK_MAX>;
  var right: array<u32, WALK_MAX>;
  var untried: array<u32, WALK_MAX>;
  columns[0] = board.columns;
  left[0] = board.left;
  right[0] = board.right;
  untried[0] = all & ~(board.columns | board.left | board.right);
  var depth = 0u;
  var found = 0u;
  for (var fuel = 0u; fuel < FUEL; fuel++) {
    let open = untried[depth];
    if (open == 0u) {
      if (depth == 0u) { break; }
      depth--;
      continue;
    }
    let bit = open & (~open + 1u);
    untried[depth] = open ^ bit;
    if (depth + 1u == walk) {
      found++;
      continue;
    }
    let c = columns[depth] | bit;
    let l = (left[depth] | bit) << 1u;
    let r = (right[depth] | bit) >> 1u;
    depth++;
    columns[depth] = c;
    left[depth] = l;
    right[depth] = r;
    untried[depth] = all & ~(c | l | r);
  }
  if (found > 0u) { atomicAdd(&count[0], found); }
}
