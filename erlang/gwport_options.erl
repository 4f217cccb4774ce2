%% Options as they are given, the one way in which they are checked, and the values that several
%% options have.
%% @hidden
-module(gwport_options).

-export([map/1, check/5, no_option/0, not_options/0, shapes/0]).
-export([integer/3, integer_or_infinity/3, text/1, os_text/1, binary/1, all/3, sentence/2]).

-export_type([error/0, given/0, checked/1]).

%% Why is a sentence for people.
-type error() ::
    {bad_option, {Key :: term(), Value :: term(), Why :: string()}}
  | {missing_option, Key :: atom()}.
%% Options as they are given: a map, a keyword list or a property list.
-type given() :: map() | [atom() | {term(), term()}].
%% A value as it is used from then on, or a sentence for people.
-type checked(Good) :: {ok, Good} | {error, Why :: string()}.

%% Options as a map. Of a key that is given twice the first is taken, as of any property list.
-spec map(given() | term()) -> {ok, map()} | error.
map(Options) when is_map(Options) -> {ok, Options};
map(Options) -> pairs_of(Options, #{}).

pairs_of([], Map) -> {ok, Map};
pairs_of([{Key, Value} | Rest], Map) -> pairs_of(Rest, maps:merge(#{Key => Value}, Map));
pairs_of([Key | Rest], Map) when is_atom(Key) -> pairs_of(Rest, maps:merge(#{Key => true}, Map));
pairs_of(_, _) -> error.

%% Why what is given is none of the three.
-spec not_options() -> string().
not_options() ->
    "expected " ++ shapes().

-spec shapes() -> string().
shapes() ->
    "a map, a keyword list or a property list".

-spec no_option() -> {error, string()}.
no_option() ->
    {error, "no such option"}.

%% Every given pair is checked, which finds a key that is misspelt, then what is missing is filled in,
%% then the options are looked at as a whole.
-spec check(map(), Defaults :: map(), Required :: [atom()],
    Value :: fun((Key :: term(), Given :: term()) -> checked(term())),
    Whole :: fun((map()) -> {ok, Good} | {error, error()})) -> {ok, Good} | {error, error()}.
check(Options, Defaults, Required, Value, Whole) ->
    case pairs(maps:to_list(Options), Defaults, Value) of
        {ok, Checked} ->
            case [Key || Key <- Required, not is_map_key(Key, Checked)] of
                [] -> Whole(Checked);
                [Key | _] -> {error, {missing_option, Key}}
            end;
        Error ->
            Error
    end.

pairs([], Checked, _) ->
    {ok, Checked};
pairs([{Key, Given} | Rest], Checked, Value) ->
    case Value(Key, Given) of
        {ok, Good} -> pairs(Rest, Checked#{Key => Good}, Value);
        {error, Why} -> {error, {bad_option, {Key, Given, Why}}}
    end.

-spec integer(term(), integer(), integer()) -> checked(integer()).
integer(N, Min, Max) when is_integer(N), N >= Min, N =< Max -> {ok, N};
integer(_, Min, Max) -> {error, sentence("expected an integer from ~b to ~b", [Min, Max])}.

-spec integer_or_infinity(term(), integer(), integer()) -> checked(integer() | infinity).
integer_or_infinity(infinity, _, _) ->
    {ok, infinity};
integer_or_infinity(N, Min, Max) ->
    case integer(N, Min, Max) of
        {error, Why} -> {error, Why ++ ", or infinity"};
        Good -> Good
    end.

%% Why a value is wrong.
-spec sentence(io:format(), [term()]) -> string().
sentence(Format, Args) ->
    lists:flatten(io_lib:format(Format, Args)).

%% What the operating system is given is UTF-8, whatever the locale. Where that makes OTP take a
%% character for a byte, as OTP 25 does under LC_ALL=C, open_port/2 fails on any other character.
-spec os_text(term()) -> checked(string()).
os_text(Given) ->
    case {text(Given), file:native_name_encoding()} of
        {{ok, Text}, latin1} -> {ok, binary_to_list(unicode:characters_to_binary(Text))};
        {Checked, _} -> Checked
    end.

%% Charlists and binaries are both welcome. NUL cannot be passed to a program.
-spec text(term()) -> checked(string()).
text(Text) when is_binary(Text); is_list(Text) ->
    try unicode:characters_to_list(Text) of
        List when is_list(List) ->
            case lists:member(0, List) of
                true -> {error, "no NUL may be in a text"};
                false -> {ok, List}
            end;
        _ -> {error, "not UTF-8"}
    catch
        error:badarg -> not_text()
    end;
text(_) ->
    not_text().

not_text() ->
    {error, "expected a text, as a binary or a charlist"}.

%% A checked text as UTF-8.
-spec binary(checked(string())) -> checked(binary()).
binary({ok, Text}) -> {ok, unicode:characters_to_binary(Text)};
binary(Error) -> Error.

%% A list whose elements are all good. Why is wrong with what is no list.
-spec all(fun((term()) -> checked(Good)), term(), Why :: string()) -> checked([Good]).
all(Check, [Element | Rest], Why) ->
    case {Check(Element), all(Check, Rest, Why)} of
        {{ok, Good}, {ok, More}} -> {ok, [Good | More]};
        {{error, Wrong}, _} -> {error, Wrong};
        {_, Error} -> Error
    end;
all(_, [], _) ->
    {ok, []};
all(_, _, Why) ->
    {error, Why}.
