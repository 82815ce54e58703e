// Sum of squared residuals of 16 x 16 models of the CO2 record. README.md has the equations; only + - * and one division are used,
// so that devices differ by rounding alone.

struct Params {
  trendFrom: f32,      // ppm/yr
  trendTo: f32,
  curvatureFrom: f32,  // ppm/yr^2
  curvatureTo: f32,
  cosineFrom: f32,     // ppm
  cosineTo: f32,
  sineFrom: f32,       // ppm
  sineTo: f32,
  columns: u32,
  rows: u32,
}

@group(1) @binding(0) var<uniform> params: Params;
// Five columns, one after the other: years, years^2, cosine, sine, CO2. Each less its mean.
@group(1) @binding(1) var<storage, read> record: array<f32>;
@group(1) @binding(2) var<storage, read_write> misfit: array<f32>;

const BLOCK = 16u;
const MONTHS_MAX = 4096u;

fn centre(start: f32, end: f32, cell: u32, count: u32) -> f32 {
  return start + (end - start) * ((f32(cell) + 0.5) / f32(count));
}

@compute @workgroup_size(8, 8)
fn fit(@builtin(global_invocation_id) thread: vec3u) {
  let id = launch.offset + thread;
  if (any(id >= launch.size) || id.x >= BLOCK || id.y >= BLOCK) { return; }

  let columns = max(params.columns, 1u);
  let trend = centre(params.trendFrom, params.trendTo, launch.unit % columns, columns);
  let curvature = centre(params.curvatureFrom, params.curvatureTo, launch.unit / columns, max(params.rows, 1u));
  let cosine = centre(params.cosineFrom, params.cosineTo, id.x, BLOCK);
  let sine = centre(params.sineFrom, params.sineTo, id.y, BLOCK);

  let months = min(arrayLength(&record) / 5u, MONTHS_MAX);
  var total = 0.0;
  var part = 0.0;
  for (var m = 0u; m < months; m++) {
    let detrended = record[4u * months + m] - trend * record[m] - curvature * record[months + m];
    let residual = detrended - cosine * record[2u * months + m] - sine * record[3u * months + m];
    part += residual * residual;
    // Short partial sums keep the rounding error at 32 + months/32 instead of months roundings.
    if ((m & 31u) == 31u) {
      total += part;
      part = 0.0;
    }
  }
  misfit[id.y * BLOCK + id.x] = total + part;
}
