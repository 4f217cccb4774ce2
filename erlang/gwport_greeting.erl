%% The greeting of SPEC.md, section 5, as terms: what is said, and what may be answered.
%% @hidden
-module(gwport_greeting).

-export([hello/1, first/2, ready/1]).

-export_type([program/0]).

%% What a program says of itself.
-type program() :: #{
    window := non_neg_integer(), max_head := pos_integer(), max_streams := pos_integer(),
    name := binary(), program_version := binary(), apps := [binary()],
    %% Whether the capabilities `file`, `hijack` and `evidence` are in force.
    files := boolean(), hijack := boolean(), evidence := boolean()
}.

-define(WIRE_VERSION, 1).
-define(MAX_WINDOW, 16777216).

-spec hello(gwport_pool_options:pool()) -> #{binary() => term()}.
hello(Options) ->
    #{max_frame := MaxFrame, max_head := MaxHead, max_streams := MaxStreams,
        drain_timeout := DrainTimeout, log_level := LogLevel, log_lines := LogLines,
        dev := Dev, name := Name} = Options,
    #{<<"versions">> => {?WIRE_VERSION, ?WIRE_VERSION},
        <<"max_frame">> => MaxFrame,
        <<"max_head">> => MaxHead,
        <<"max_streams">> => MaxStreams,
        <<"capabilities">> => [gwport_frame:capability(Capability)
            || Capability <- gwport_frame:capabilities(), is_possible(Capability)],
        <<"options">> => #{<<"drain_timeout">> => DrainTimeout,
            <<"log_level">> => gwport_log_frame:severity(LogLevel), <<"log_lines">> => LogLines,
            <<"dev">> => Dev},
        <<"pool">> => atom_to_binary(Name)}.

%% What a program says first is `ready`.
-spec first(gwport_frame:kind(), Payload :: binary()) ->
    {ok, program()} | {error, gwport_frame:fault(), binary()}.
first(ready, Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, Ready} when is_map(Ready) -> ready(Ready);
        _ -> expected_ready(ready)
    end;
first(Kind, _) ->
    expected_ready(Kind).

expected_ready(Kind) ->
    {error, bad_greeting, <<"expected ready, got ", (atom_to_binary(Kind))/binary>>}.

%% The program that a `ready` describes, or why there is none, as a fault [G1, G3]. Keys and
%% capabilities of a later program are ignored.
-spec ready(map()) -> {ok, program()} | {error, gwport_frame:fault(), binary()}.
ready(#{<<"version">> := Version}) when is_integer(Version), Version =/= ?WIRE_VERSION ->
    {error, no_common_version, iolist_to_binary(io_lib:format(
        "the program chose wire version ~b, this host speaks ~b to ~b",
        [Version, ?WIRE_VERSION, ?WIRE_VERSION]))};
ready(#{<<"version">> := ?WIRE_VERSION, <<"window">> := Window, <<"max_frame">> := MaxFrame,
        <<"max_head">> := MaxHead, <<"max_streams">> := MaxStreams, <<"capabilities">> := Caps,
        <<"name">> := Name, <<"program_version">> := Version, <<"apps">> := Apps})
        when is_integer(Window), Window >= 0, Window =< ?MAX_WINDOW,
             is_integer(MaxHead), MaxHead > 0,
             is_integer(MaxFrame), MaxFrame >= MaxHead + 64,
             is_integer(MaxStreams), MaxStreams > 0, is_binary(Name), is_binary(Version) ->
    case MaxFrame >= gwport_frame:min_max_frame() andalso are_binaries(Caps)
            andalso are_binaries(Apps) of
        true -> {ok, #{window => Window, max_head => MaxHead, max_streams => MaxStreams,
            name => Name, program_version => Version, apps => Apps,
            files => is_in_force(file, Caps), hijack => is_in_force(hijack, Caps),
            evidence => is_in_force(evidence, Caps)}};
        false -> unusable()
    end;
ready(_) ->
    unusable().

is_in_force(Capability, Caps) ->
    is_possible(Capability) andalso lists:member(gwport_frame:capability(Capability), Caps).

is_possible(file) -> gwport_file:is_possible();
is_possible(hijack) -> true;
is_possible(evidence) -> true.

unusable() ->
    {error, bad_greeting, <<"ready lacks a key, or has one of a wrong type or size">>}.

are_binaries([]) -> true;
are_binaries([Text | Rest]) when is_binary(Text) -> are_binaries(Rest);
are_binaries(_) -> false.
