using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Sizes of a batch of token grids.</summary>
internal readonly record struct SwinGrid(long Rows, long Height, long Width);

/// <summary>Cuts token grids into square windows and joins them again; made once for each stage of a forward pass.</summary>
/// <remarks>A grid that the window does not divide is filled up with zeros at the right and the bottom. A shifted grid is rolled up and left
/// by half a window; tokens that come together only by the rolling do not see each other.</remarks>
internal sealed class SwinWindows
{
    private readonly long _size;
    private readonly long _shift;
    private readonly int _heads;
    private readonly long _down;   // windows down
    private readonly long _across; // windows across
    private readonly Tensor _pairs;      // (tokens·tokens): row of the bias table for each pair of tokens of a window
    private readonly Tensor? _separated; // (windows, 1, tokens, tokens): −100 where two tokens do not belong together

    /// <summary>Prepares a grid.</summary>
    /// <param name="grid">The tokens.</param>
    /// <param name="size">Side of a window.</param>
    /// <param name="heads">Attention heads.</param>
    /// <param name="shift">By how much every second block shifts, or 0.</param>
    /// <param name="device">Where the tokens are.</param>
    public SwinWindows(SwinGrid grid, long size, int heads, long shift, Device device)
    {
        (Grid, _size, _heads, _shift) = (grid, size, heads, shift);
        (_down, _across) = ((grid.Height + size - 1) / size, (grid.Width + size - 1) / size);
        _pairs = tensor(Pairs(size)).to(device);
        _separated = shift == 0 ? null : tensor(Separated(), [_down * _across, 1, Tokens, Tokens]).to(device);
    }

    /// <summary>The grid.</summary>
    public SwinGrid Grid { get; }

    /// <summary>Tokens of a window.</summary>
    public long Tokens => _size * _size;

    /// <summary>Windows of all rows.</summary>
    public long Count => Grid.Rows * _down * _across;

    private bool Padded => _down * _size != Grid.Height || _across * _size != Grid.Width;

    /// <summary>(rows·height·width, hidden) gives (windows·tokens, hidden).</summary>
    public Tensor Cut(Tensor hidden, long width, bool shifted)
    {
        var x = hidden.view(Grid.Rows, Grid.Height, Grid.Width, width);
        if (Padded)
        {
            x = nn.functional.pad(x, [0, 0, 0, (_across * _size) - Grid.Width, 0, (_down * _size) - Grid.Height]);
        }

        if (shifted && _shift > 0)
        {
            x = x.roll([-_shift, -_shift], [1, 2]);
        }

        return x.view(Grid.Rows, _down, _size, _across, _size, width).permute(0, 1, 3, 2, 4, 5).reshape(-1, width);
    }

    /// <summary>The way back from <see cref="Cut"/>.</summary>
    public Tensor Join(Tensor windows, long width, bool shifted)
    {
        var x = windows.view(Grid.Rows, _down, _across, _size, _size, width).permute(0, 1, 3, 2, 4, 5)
            .reshape(Grid.Rows, _down * _size, _across * _size, width);
        if (shifted && _shift > 0)
        {
            x = x.roll([_shift, _shift], [1, 2]);
        }

        if (Padded)
        {
            x = x.narrow(1, 0, Grid.Height).narrow(2, 0, Grid.Width);
        }

        return x.reshape(-1, width);
    }

    /// <summary>What is added to the scores: the bias of each head for each pair of places, (<see cref="MaskGroups"/>, tokens, tokens).</summary>
    /// <param name="table">((2·size − 1)², heads).</param>
    /// <param name="shifted">Whether the block shifts.</param>
    public Tensor Mask(Tensor table, bool shifted)
    {
        var bias = table.index_select(0, _pairs).view(Tokens, Tokens, _heads).permute(2, 0, 1).contiguous();
        return shifted && _separated is not null
            ? (_separated + bias).view(MaskGroups(true), Tokens, Tokens)
            : bias;
    }

    /// <summary>First size of <see cref="Mask"/>, which repeats over the batch.</summary>
    public long MaskGroups(bool shifted) => shifted && _separated is not null ? _down * _across * _heads : _heads;

    private static long[] Pairs(long size)
    {
        var pairs = new List<long>((int)(size * size * size * size));
        for (var a = 0L; a < size * size; a++)
        {
            for (var b = 0L; b < size * size; b++)
            {
                var (down, across) = ((a / size) - (b / size) + size - 1, (a % size) - (b % size) + size - 1);
                pairs.Add((down * ((2 * size) - 1)) + across);
            }
        }

        return [.. pairs];
    }

    // After rolling, the last rows and columns come from the other side: each axis has up to three regions.
    private float[] Separated()
    {
        var (height, width) = (_down * _size, _across * _size);
        var mask = new float[_down * _across * Tokens * Tokens];
        var next = 0;
        for (var window = 0L; window < _down * _across; window++)
        {
            var (top, left) = (window / _across * _size, window % _across * _size);
            for (var a = 0L; a < Tokens; a++)
            {
                for (var b = 0L; b < Tokens; b++)
                {
                    mask[next++] = RegionOf(a) == RegionOf(b) ? 0 : -100;
                }
            }

            long RegionOf(long token)
                => (3 * Part(top + (token / _size), height)) + Part(left + (token % _size), width);
        }

        return mask;

        long Part(long place, long length) => place < length - _size ? 0 : place < length - _shift ? 1 : 2;
    }
}
