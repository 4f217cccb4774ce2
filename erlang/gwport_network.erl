%% Addresses of clients and proxies, and networks of them, as people and proxies write them. An IPv4
%% address that is written as one of IPv6 (::ffff:10.0.0.1) is that IPv4 address.
%% @hidden
-module(gwport_network).

-export([network/1, address/1, peer/1, has/2]).

-export_type([address/0, network/0]).

%% `unix' is whoever has come by a Unix socket; `none' is nobody that has an address.
-type address() :: inet:ip_address() | unix | none.
%% Of so many bits an address is in the network if this is left of it without the last ones.
-opaque network() :: unix | {Width :: 32 | 128, Last :: 0..128, Prefix :: non_neg_integer()}.

%% The longest text of an address of IPv6.
-define(MAX_TEXT, 45).

%% `unix', an address, as text or as Erlang has it, or the text of a network in CIDR form (RFC
%% 4632).
-spec network(term()) -> {ok, network()} | {error, Why :: string()}.
network(unix) ->
    {ok, unix};
network(Given) ->
    case parse(Given) of
        {ok, {Width, Number}, Bits} ->
            network(Width, Width - Bits, Number, Given);
        error ->
            {error, why("~0p is no address, no network in the form of 10.0.0.0/8, and not unix",
                [Given])}
    end.

network(Width, Last, Number, Given) ->
    case Number bsr Last of
        Prefix when Prefix bsl Last =:= Number -> {ok, {Width, Last, Prefix}};
        _ -> {error, why("~0p has bits behind its prefix", [Given])}
    end.

parse(Address) when is_tuple(Address) ->
    case inet:is_ip_address(Address) of
        true -> whole(number(Address));
        false -> error
    end;
parse(Text) when is_list(Text); is_binary(Text) ->
    try binary:split(iolist_to_binary(Text), <<"/">>) of
        [Address] -> whole(parsed(Address));
        [Address, Bits] -> part(parsed(Address), bits(Bits), binary:match(Address, <<":">>))
    catch
        error:badarg -> error
    end;
parse(_) ->
    error.

parsed(Text) ->
    case address(Text) of
        {ok, Address} -> number(Address);
        error -> error
    end.

whole(error) -> error;
whole(Number = {Width, _}) -> {ok, Number, Width}.

%% The prefix of an IPv4 address that is written as one of IPv6 counts from there.
part(Number = {32, _}, Bits, {_, _}) -> part(Number, Bits - 96, nomatch);
part(Number = {Width, _}, Bits, _) when Bits >= 0, Bits =< Width -> {ok, Number, Bits};
part(_, _, _) -> error.

%% Above all widths if it is none.
bits(Text) ->
    case re:run(Text, "^[0-9]{1,3}$", [{capture, none}, dollar_endonly]) of
        match -> binary_to_integer(Text);
        nomatch -> 1000
    end.

why(Format, Args) ->
    lists:flatten(io_lib:format(Format, Args)).

%% An address alone, without brackets, port or zone.
-spec address(binary()) -> {ok, inet:ip_address()} | error.
address(Text) when byte_size(Text) =< ?MAX_TEXT ->
    case binary:match(Text, <<"%">>) of
        nomatch -> strict(inet:parse_strict_address(binary_to_list(Text)));
        _ -> error
    end;
address(_) ->
    error.

strict({ok, Address}) -> {ok, Address};
strict({error, einval}) -> error.

%% Of what inet:peername/1 says.
-spec peer(term()) -> address().
peer({Address, _}) when is_tuple(Address) -> Address;
peer({local, _}) -> unix;
peer(_) -> none.

-spec has(address(), [network()]) -> boolean().
has(none, _) ->
    false;
has(unix, Networks) ->
    lists:member(unix, Networks);
has(Address, Networks) ->
    has_number(number(Address), Networks).

has_number({Width, Number}, [{Width, Last, Prefix} | _]) when Number bsr Last =:= Prefix -> true;
has_number(Number, [_ | Networks]) -> has_number(Number, Networks);
has_number(_, []) -> false.

number({A, B, C, D}) ->
    <<Number:32>> = <<A, B, C, D>>,
    {32, Number};
number({0, 0, 0, 0, 0, 16#ffff, G, H}) ->
    {32, G bsl 16 bor H};
number({A, B, C, D, E, F, G, H}) ->
    <<Number:128>> = <<A:16, B:16, C:16, D:16, E:16, F:16, G:16, H:16>>,
    {128, Number}.
